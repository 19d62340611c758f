#include "pack/firmware_project.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "pack/embedded_firmware.h"
#include "pack/single_stream.h"
#include "pack/stream_bytes.h"

namespace qloom::pack {
namespace {

using emit::TextFile;
using hw::Accelerator;
using hw::Board;
using hw::ProcessingSystem;

constexpr std::uint64_t kUartClockHz = 100000000;  // what the boot loaders of both families set up
constexpr std::uint64_t kSystemCounterHz = 100000000;  // UltraScale+: the generic timer's clock
constexpr std::int64_t kMostTransferBytes = (std::int64_t{1} << 26) - 1;
constexpr std::int64_t kProgramBytes = 1 << 20;  // code, tables and stacks, generously
constexpr std::uint64_t kLowestAddress =
    0x00100000;  // below lie vectors of boot loaders, and address zero

struct Memory {
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;
};

Memory program_memory(const Board& board) {
    const std::uint64_t base = std::max(board.memory_base, kLowestAddress);
    return {.base = base, .bytes = board.memory_base + board.memory_bytes - base};
}

std::uint64_t timer_hz(const Board& board) {
    // The Cortex-A9's global timer runs at half the processor's clock.
    return board.processing_system == ProcessingSystem::kZynq7000
               ? static_cast<std::uint64_t>(std::llround(board.cpu_mhz * 1e6 / 2.0))
               : kSystemCounterHz;
}

std::string board_header(const Board& board) {
    const Memory memory = program_memory(board);
    const bool is_zynq7000 = board.processing_system == ProcessingSystem::kZynq7000;
    std::string text = fmt::format(
        "/* {}: where things are. */\n#ifndef BOARD_H\n#define BOARD_H\n\n", board.title);
    text += fmt::format("#define QL_BOARD_NAME \"{}\"\n", board.name);
    text += fmt::format("#define QL_CPU_CORTEX_{} 1\n", is_zynq7000 ? "A9" : "A53");
    text += fmt::format("#define QL_UART_BASE 0x{:08x}u\n", board.uart_base);
    text += fmt::format("#define QL_UART_CLOCK_HZ {}u\n", kUartClockHz);
    text += fmt::format("#define QL_DMA_BASE 0x{:08x}u\n", board.dma_base);
    text += fmt::format("#define QL_DMA_ALIGN_BYTES {}u\n", board.memory_port_bits / 8);
    text += fmt::format("#define QL_DMA_MAX_BYTES {}u\n", kMostTransferBytes);
    text += fmt::format("#define QL_TIMER_HZ {}u\n", timer_hz(board));
    text += fmt::format("#define QL_MEMORY_BASE 0x{:08x}u\n", memory.base);
    text += fmt::format("#define QL_MEMORY_BYTES 0x{:08x}u\n", memory.bytes);
    return text + "\n#endif\n";
}

std::int64_t nanoseconds(std::int64_t cycles, double clock_mhz) {
    return static_cast<std::int64_t>(std::ceil(static_cast<double>(cycles) * 1000.0 / clock_mhz));
}

// Exact, as hexadecimal floating point.
template <class T>
std::string table_text(const char* type, const std::string& name, const std::vector<T>& values) {
    std::string text = fmt::format("static const {} {}[QL_OUTPUT_VALUES] = {{", type, name);
    for (const T value : values)
        text += fmt::format("\n    {:a}{}, /* {:g} */", value, sizeof(T) == 4 ? "f" : "", value);
    return text + "\n};\n";
}

std::string meaning_text(const OutputMeaning& meaning) {
    std::string text =
        "\n/* The real numbers that the model means by the values, in its own arithmetic. */\n";
    text += table_text("double", "ql_output_scale", meaning.scale);
    text += table_text("double", "ql_output_bias", meaning.bias);
    std::string steps;
    for (std::size_t i = 0; i < meaning.steps.size(); ++i) {
        const std::string name = fmt::format("ql_output_step_{}", i);
        text += table_text("float", name, meaning.steps[i].values);
        steps += fmt::format("    real = real {} {}[index];\n", meaning.steps[i].operation, name);
    }
    return text +
           "static inline float ql_output_real(int index, double value) {\n"
           "    const double product = ql_output_scale[index] * value;\n"
           "    float real = (float)(ql_output_bias[index] + product);\n" +
           steps + "    return real;\n}\n";
}

std::string model_header(const Accelerator& accelerator, const FirmwareOptions& options) {
    const hw::Port& in = accelerator.inputs.front();
    const hw::Port& out = accelerator.outputs.front();
    std::string text =
        "/* The accelerator's two streams as they lie in memory. */\n#ifndef MODEL_H\n#define "
        "MODEL_H\n\n";
    text += fmt::format("/* {}: {} elements of {} in {} beats of {} bits */\n", in.stream,
                        in.elements, in.type.text(), in.beats, in.data_bits);
    text += fmt::format("#define QL_INPUT_BYTES {}\n", frame_bytes(in));
    text += fmt::format("/* {}: {} elements of {} in {} beats of {} bits */\n", out.stream,
                        out.elements, out.type.text(), out.beats, out.data_bits);
    text += fmt::format("#define QL_OUTPUT_BYTES {}\n", frame_bytes(out));
    text += fmt::format("#define QL_OUTPUT_VALUES {}\n", out.elements);
    text += fmt::format("#define QL_OUTPUT_VALUE_BYTES {}\n", out.element_bits / 8);
    text += fmt::format("#define QL_OUTPUT_SIGNED {}\n", out.type.is_signed ? 1 : 0);
    text += "/* estimates at the accelerator's clock */\n";
    text += fmt::format("#define QL_FRAME_NS {}u\n",
                        nanoseconds(accelerator.ii_cycles, accelerator.clock_mhz));
    text += fmt::format("#define QL_LATENCY_NS {}u\n",
                        nanoseconds(accelerator.latency_cycles, accelerator.clock_mhz));
    text += fmt::format("#define QL_OUTPUT_REAL {}\n", options.output.scale.empty() ? 0 : 1);
    if (!options.output.scale.empty()) text += meaning_text(options.output);
    return text + "\n#endif\n";
}

template <class T>
void append_rows(std::string& text, const std::vector<T>& values) {
    constexpr std::size_t kInRow = 28;
    for (std::size_t i = 0; i < values.size(); ++i) {
        text += i % kInRow == 0 ? "\n    " : " ";
        fmt::format_to(std::back_inserter(text), "{},", values[i]);
    }
}

std::string samples_header(const FirmwareSamples& samples) {
    std::string text =
        "/* Frames to run, in the layout of the input stream, and their answers. */\n#ifndef "
        "SAMPLES_H\n#define SAMPLES_H\n\n";
    text += fmt::format("#define QL_SAMPLES {}\n#define QL_HAS_LABELS {}\n\n", samples.frames,
                        samples.labels.empty() ? 0 : 1);
    text +=
        "static const unsigned char ql_samples[QL_SAMPLES * QL_INPUT_BYTES] "
        "__attribute__((aligned(64))) = {";
    append_rows(text, samples.bytes);
    text += "\n};\n";
    if (!samples.labels.empty()) {
        text += "\nstatic const int ql_sample_labels[QL_SAMPLES] = {";
        append_rows(text, samples.labels);
        text += "\n};\n";
    }
    return text + "\n#endif\n";
}

std::string memory_script(const Board& board) {
    const Memory memory = program_memory(board);
    return fmt::format("/* {} */\nMEMORY {{ ddr : ORIGIN = 0x{:08x}, LENGTH = 0x{:08x} }}\n",
                       board.title, memory.base, memory.bytes);
}

std::string make_settings(const Board& board, const FirmwareOptions& options) {
    return fmt::format(
        "# {}: what `make` takes unless told otherwise\nCPU ?= {}\nBATCH ?= {}\nPRINT_FRAMES ?= "
        "{}\n",
        board.title, firmware_cpu(board), options.batch, options.print_frames ? 1 : 0);
}

// Sources that belong to another processor are left out.
bool belongs(std::string_view name, const std::string& cpu) {
    const std::string_view stem = name.substr(0, name.rfind('.'));
    const bool is_a9 = stem.ends_with("_a9");
    const bool is_a53 = stem.ends_with("_a53");
    return (!is_a9 && !is_a53) || stem.ends_with("_" + cpu);
}

void check(const Accelerator& accelerator, const Board& board, const FirmwareSamples& samples,
           const FirmwareOptions& options) {
    if (board.processing_system == ProcessingSystem::kNone) {
        throw Error(code::kBoardWithoutProcessor, board.name, "the board has no processor",
                    "take a board with one (`qloom boards` lists them)");
    }
    check_single_stream(accelerator);
    QLOOM_ASSERT(samples.frames > 0 && options.batch > 0, "there is something to run");
    const std::int64_t in = frame_bytes(accelerator.inputs.front());
    const std::int64_t out = frame_bytes(accelerator.outputs.front());
    QLOOM_ASSERT(static_cast<std::int64_t>(samples.bytes.size()) == samples.frames * in,
                 "the frames are whole");
    const std::int64_t most_in_batch = kMostTransferBytes / std::max(in, out);
    const std::int64_t batch = std::min(options.batch, samples.frames);
    if (batch > most_in_batch) {
        throw Error(
            code::kBatchTooLong, "batch",
            fmt::format("{} frames of {} bytes are more than the {} bytes of a DMA transfer", batch,
                        std::max(in, out), kMostTransferBytes),
            fmt::format("take a batch of at most {}", most_in_batch));
    }
    // The frames and two answers each, two buffers a direction.
    const std::int64_t fixed = kProgramBytes + 2 * batch * (in + out);
    const std::int64_t each = in + 2 * static_cast<std::int64_t>(sizeof(std::int32_t));
    const auto available = static_cast<std::int64_t>(program_memory(board).bytes);
    if (fixed + samples.frames * each > available) {
        throw Error(code::kSamplesBeyondMemory, board.name,
                    fmt::format("{} frames of {} bytes in batches of {} need {} MiB of memory, and "
                                "there are {} MiB",
                                samples.frames, in, batch, (fixed + samples.frames * each) >> 20,
                                available >> 20),
                    fmt::format("take at most {} frames",
                                std::max<std::int64_t>((available - fixed) / each, 0)));
    }
}

}  // namespace

std::string firmware_cpu(const hw::Board& board) {
    return board.processing_system == ProcessingSystem::kZynq7000 ? "a9" : "a53";
}

std::vector<TextFile> firmware_project(const Accelerator& accelerator, const Board& board,
                                       const FirmwareSamples& samples,
                                       const FirmwareOptions& options) {
    check(accelerator, board, samples, options);
    std::vector<TextFile> files{{"board.h", board_header(board)},
                                {"model.h", model_header(accelerator, options)},
                                {"samples.h", samples_header(samples)},
                                {"memory.ld", memory_script(board)},
                                {"config.mk", make_settings(board, options)}};
    const std::string cpu = firmware_cpu(board);
    for (const EmbeddedFile& file : embedded_firmware()) {
        if (belongs(file.name, cpu)) {
            files.push_back({std::string(file.name), std::string(file.text)});
        }
    }
    std::ranges::sort(files, {}, &TextFile::path);
    return files;
}

}  // namespace qloom::pack
