#include "sim/model_shim.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <string_view>

namespace qloom::sim {
namespace {

constexpr std::string_view kHead = R"(// Written by Qloom: a C interface around the verilated class.
#include "Vdut.h"
#include "verilated.h"
#if QLOOM_TRACE
#include "verilated_vcd_c.h"
#endif
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

namespace {
thread_local std::string data_directory;  // where $readmemh looks for relative names
thread_local std::string printed;         // what $display and $error wrote
thread_local std::string message;         // of the last failure

struct Port {
    const char* name;
    std::int32_t width;
    std::int32_t is_input;
    std::int32_t bytes;
    void* data;
};

struct Model {
    std::unique_ptr<VerilatedContext> context = std::make_unique<VerilatedContext>();
    std::unique_ptr<Vdut> dut;
#if QLOOM_TRACE
    std::unique_ptr<VerilatedVcdC> trace;
#endif
    ~Model() {
        if (dut) dut->final();
    }
};

template <typename Body>
int guarded(Body body) {
    try {
        body();
        return 0;
    } catch (const std::exception& error) {
        message = printed + error.what();
        printed.clear();
        return 1;
    }
}
}  // namespace

extern "C" std::FILE* __real_fopen(const char* path, const char* mode);
extern "C" std::FILE* __wrap_fopen(const char* path, const char* mode) {
    if (path[0] == '/' || data_directory.empty()) return __real_fopen(path, mode);
    return __real_fopen((data_directory + "/" + path).c_str(), mode);
}

int qloom_model_print(const char* format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (printed.size() < 65536) printed += text;
    return length;
}
void vl_finish(const char*, int, const char*) {}
void vl_stop(const char* file, int line, const char* hierarchy) { vl_fatal(file, line, hierarchy, "stopped"); }
void vl_fatal(const char* file, int, const char*, const char* text) {
    throw std::runtime_error(std::string(file) + ": " + text);
}
void vl_warn(const char* file, int line, const char* hierarchy, const char* text) { vl_fatal(file, line, hierarchy, text); }

#define QLOOM_EXPORT extern "C" __attribute__((visibility("default")))

QLOOM_EXPORT const char* qloom_model_message() { return message.c_str(); }

QLOOM_EXPORT void* qloom_model_create(const char* directory, std::uint32_t seed, int is_random) {
    auto model = std::make_unique<Model>();
    data_directory = directory;
    printed.clear();
    model->context->randReset(is_random ? 2 : 0);
    model->context->randSeed(static_cast<int>(seed));
#if QLOOM_TRACE
    model->context->traceEverOn(true);
#endif
    const int failed = guarded([&] {
        model->dut = std::make_unique<Vdut>(model->context.get(), "top");
@ZERO_INPUTS@        model->dut->eval();
    });
    return failed ? nullptr : model.release();
}

QLOOM_EXPORT void qloom_model_destroy(void* handle) {
    auto* model = static_cast<Model*>(handle);
    guarded([&] { delete model; });
}

QLOOM_EXPORT int qloom_model_eval(void* handle) {
    auto* model = static_cast<Model*>(handle);
    return guarded([&] { model->dut->eval(); });
}

QLOOM_EXPORT int qloom_model_ports(void* handle, Port* ports, int capacity) {
    auto* model = static_cast<Model*>(handle);
    const Port all[] = {
@PORTS@    };
    const int count = static_cast<int>(sizeof all / sizeof all[0]);
    for (int i = 0; i < count && i < capacity; ++i) ports[i] = all[i];
    (void)model;
    return count;
}

#if QLOOM_TRACE
QLOOM_EXPORT int qloom_model_trace_open(void* handle, const char* file) {
    auto* model = static_cast<Model*>(handle);
    return guarded([&] {
        model->trace = std::make_unique<VerilatedVcdC>();
        model->dut->trace(model->trace.get(), 99);
        model->trace->open(file);
        if (!model->trace->isOpen()) throw std::runtime_error("cannot be written");
    });
}
QLOOM_EXPORT void qloom_model_trace_dump(void* handle, std::uint64_t time) {
    static_cast<Model*>(handle)->trace->dump(time);
}
QLOOM_EXPORT void qloom_model_trace_close(void* handle) {
    auto* model = static_cast<Model*>(handle);
    if (model->trace) model->trace->close();
    model->trace.reset();
}
#endif
)";

int to_int(std::string_view text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

std::vector<DeclaredPort> declared_ports(const std::string& header) {
    // A port reads `VL_IN8(&name,msb,lsb);` or `VL_OUTW(&name,msb,lsb,words);`.
    std::vector<DeclaredPort> ports;
    std::istringstream lines(header);
    std::string line;
    while (std::getline(lines, line)) {
        const bool is_input = line.find(" VL_IN") != std::string::npos;
        const bool is_output = line.find(" VL_OUT") != std::string::npos;
        const std::size_t name_begin = line.find("(&");
        if ((!is_input && !is_output) || name_begin == std::string::npos) {
            continue;
        }
        const std::size_t name_end = line.find(',', name_begin);
        const std::size_t msb_end = line.find(',', name_end + 1);
        const std::string_view view = line;
        const int msb = to_int(view.substr(name_end + 1, msb_end - name_end - 1));
        ports.push_back({.name = line.substr(name_begin + 2, name_end - name_begin - 2),
                         .width = msb + 1,
                         .is_input = is_input});
    }
    return ports;
}

std::string shim_source(const std::vector<DeclaredPort>& ports, bool has_trace) {
    std::string zero_inputs;
    std::string table;
    for (const DeclaredPort& port : ports) {
        if (port.is_input) {
            zero_inputs += fmt::format("        VL_ZERO_RESET_PORT(model->dut->{0});\n", port.name);
        }
        table += fmt::format(
            "        {{\"{0}\", {1}, {2}, sizeof(model->dut->{0}), &model->dut->{0}}},\n",
            port.name, port.width, port.is_input ? 1 : 0);
    }
    std::string text = fmt::format(
        "int qloom_model_print(const char* format, ...);\n#define QLOOM_TRACE {}\n#define "
        "VL_ZERO_RESET_PORT(port) __builtin_memset(&(port), 0, sizeof(port))\n",
        has_trace ? 1 : 0);
    text += kHead;
    const auto replace = [&text](std::string_view mark, const std::string& value) {
        text.replace(text.find(mark), mark.size(), value);
    };
    replace("@ZERO_INPUTS@", zero_inputs);
    replace("@PORTS@", table);
    return text;
}

}  // namespace qloom::sim
