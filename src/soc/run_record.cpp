#include "soc/run_record.h"

#include <nlohmann/json.hpp>

#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string order_text(const RunOrder& order) {
    const SystemOptions& system = order.system;
    const hw::Board& board = system.board;
    return Json{{"firmware", order.firmware.string()},
                {"model", order.model.string()},
                {"data", order.data.string()},
                {"board", board.name},
                {"uart_base", board.uart_base},
                {"dma_base", board.dma_base},
                {"memory_base", board.memory_base},
                {"memory_bytes", board.memory_bytes},
                {"cpu_mhz", board.cpu_mhz},
                {"clock_mhz", system.clock_mhz},
                {"limit_seconds", system.limit_seconds},
                {"memory_latency_cycles", system.memory_latency_cycles},
                {"uart_clock_hz", system.uart_clock_hz},
                {"counter_hz", system.counter_hz}}
               .dump(2) +
           "\n";
}

RunOrder order_of(const std::string& text) {
    const Json json = Json::parse(text);
    RunOrder order{.firmware = json.at("firmware").get<std::string>(),
                   .model = json.at("model").get<std::string>(),
                   .data = json.at("data").get<std::string>(),
                   .system = {}};
    hw::Board& board = order.system.board;
    board.name = json.at("board").get<std::string>();
    board.uart_base = json.at("uart_base").get<std::uint64_t>();
    board.dma_base = json.at("dma_base").get<std::uint64_t>();
    board.memory_base = json.at("memory_base").get<std::uint64_t>();
    board.memory_bytes = json.at("memory_bytes").get<std::uint64_t>();
    board.cpu_mhz = json.at("cpu_mhz").get<double>();
    order.system.clock_mhz = json.at("clock_mhz").get<double>();
    order.system.limit_seconds = json.at("limit_seconds").get<double>();
    order.system.memory_latency_cycles = json.at("memory_latency_cycles").get<int>();
    order.system.uart_clock_hz = json.at("uart_clock_hz").get<std::uint64_t>();
    order.system.counter_hz = json.at("counter_hz").get<std::uint64_t>();
    return order;
}

std::string result_text(const SystemResult& result) {
    return Json{{"exit_code", result.exit_code},
                {"instructions", result.instructions},
                {"fabric_cycles", result.fabric_cycles},
                {"board_seconds", result.board_seconds},
                {"baud", result.baud},
                {"is_armed_first", result.is_armed_first}}
               .dump(2) +
           "\n";
}

std::string failure_text(const Error& error) {
    const Diagnostic& diagnostic = error.diagnostic();
    return Json{{"error",
                 {{"code", static_cast<int>(diagnostic.code)},
                  {"where", diagnostic.where},
                  {"what", diagnostic.what},
                  {"advice", diagnostic.advice}}}}
               .dump(2) +
           "\n";
}

SystemResult result_of(const std::string& text) {
    const Json json = Json::parse(text);
    if (json.contains("error")) {
        const Json& error = json.at("error");
        throw Error(Code{error.at("code").get<int>()}, error.at("where").get<std::string>(),
                    error.at("what").get<std::string>(), error.at("advice").get<std::string>());
    }
    return {.exit_code = json.at("exit_code").get<int>(),
            .instructions = json.at("instructions").get<std::uint64_t>(),
            .fabric_cycles = json.at("fabric_cycles").get<std::uint64_t>(),
            .board_seconds = json.at("board_seconds").get<double>(),
            .baud = json.at("baud").get<double>(),
            .is_armed_first = json.at("is_armed_first").get<bool>()};
}

}  // namespace qloom::soc
