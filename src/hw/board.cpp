#include "hw/board.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

#include <toml++/toml.h>

#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "hw/embedded_boards.h"

namespace qloom::hw {
namespace {

constexpr const char* kAdvice = "write it like the files in boards/";

[[noreturn]] void throw_bad(const std::string& where, const std::string& what) {
    throw Error(code::kBoardFileBad, where, what, kAdvice);
}

std::int64_t integer(const toml::table& table, const char* section, const char* key,
                     const std::string& where, std::int64_t lowest) {
    const auto value = table[section][key].value<std::int64_t>();
    if (!value) throw_bad(where, fmt::format("[{}] has no integer `{}`", section, key));
    if (*value < lowest) {
        throw_bad(where, fmt::format("[{}] {} = {} is less than {}", section, key, *value, lowest));
    }
    return *value;
}

ProcessingSystem parse_system(const std::string& name, const std::string& where) {
    constexpr std::array kAll{ProcessingSystem::kNone, ProcessingSystem::kZynq7000,
                              ProcessingSystem::kZynqUltraScale};
    for (const ProcessingSystem system : kAll) {
        if (name == processing_system_name(system)) return system;
    }
    throw_bad(
        where,
        fmt::format("processing_system = \"{}\" is not none, zynq-7000 or zynq-ultrascale+", name));
}

Ice40Board parse_ice40(const toml::table& table, const std::string& where) {
    const auto text = [&](const char* key) {
        const std::string value = table["ice40"][key].value_or(std::string());
        if (value.empty()) throw_bad(where, fmt::format("[ice40] has no text `{}`", key));
        return value;
    };
    Ice40Board ice40;
    ice40.device = text("device");
    ice40.package = text("package");
    ice40.ram4k = integer(table, "ice40", "ram4k", where, 0);
    ice40.oscillator_mhz = table["ice40"]["oscillator_mhz"].value_or(0.0);
    if (!(ice40.oscillator_mhz >= 10.0 && ice40.oscillator_mhz <= 133.0)) {
        throw_bad(where, fmt::format("[ice40] oscillator_mhz = {} is not from 10 to 133",
                                     ice40.oscillator_mhz));
    }
    ice40.clock_pin_is_pll = table["ice40"]["clock_pin_is_pll"].value_or(false);
    ice40.baud = integer(table, "ice40", "baud", where, 9600);
    ice40.clock_pin = text("clock_pin");
    ice40.rx_pin = text("rx_pin");
    ice40.tx_pin = text("tx_pin");
    ice40.led_pin = text("led_pin");
    return ice40;
}

std::string file_stem(const std::string& path) {
    return std::filesystem::path(path).stem().string();
}

}  // namespace

std::string_view processing_system_name(ProcessingSystem system) {
    switch (system) {
        case ProcessingSystem::kNone:
            return "none";
        case ProcessingSystem::kZynq7000:
            return "zynq-7000";
        case ProcessingSystem::kZynqUltraScale:
            return "zynq-ultrascale+";
    }
    return "none";
}

Board parse_board(std::string_view text, const std::string& where) {
    toml::table table;
    try {
        table = toml::parse(text, where);
    } catch (const toml::parse_error& error) {
        throw_bad(where,
                  fmt::format("line {}: {}", error.source().begin.line, error.description()));
    }
    Board board;
    board.name = file_stem(where);
    board.title = table["title"].value_or(board.name);
    board.part = table["part"].value_or(std::string());
    if (board.part.empty()) throw_bad(where, "has no `part`");
    board.board_part = table["board_part"].value_or(std::string());
    board.clock_mhz = table["clock_mhz"].value_or(100.0);
    if (!(board.clock_mhz >= 1.0 && board.clock_mhz <= 1000.0)) {
        throw_bad(where, fmt::format("clock_mhz = {} is not from 1 to 1000", board.clock_mhz));
    }
    board.luts = integer(table, "resources", "luts", where, 1);
    board.ffs = integer(table, "resources", "ffs", where, 1);
    board.bram36 = integer(table, "resources", "bram36", where, 0);
    board.dsps = integer(table, "resources", "dsps", where, 0);
    board.uram = table["resources"]["uram"].value_or(std::int64_t{0});
    board.processing_system =
        parse_system(table["system"]["processing_system"].value_or(std::string("none")), where);
    if (board.processing_system != ProcessingSystem::kNone) {
        board.uart_base =
            static_cast<std::uint64_t>(integer(table, "system", "uart_base", where, 0));
        board.dma_base = static_cast<std::uint64_t>(integer(table, "system", "dma_base", where, 0));
        board.memory_base =
            static_cast<std::uint64_t>(integer(table, "system", "memory_base", where, 0));
        board.memory_bytes =
            static_cast<std::uint64_t>(integer(table, "system", "memory_bytes", where, 1));
        board.memory_port_bits =
            static_cast<int>(integer(table, "system", "memory_port_bits", where, 8));
        const int port = board.memory_port_bits;
        const bool is_zynq7000 = board.processing_system == ProcessingSystem::kZynq7000;
        if (port != 32 && port != 64 && (port != 128 || is_zynq7000)) {
            throw_bad(where, fmt::format("[system] memory_port_bits = {} is not {}", port,
                                         is_zynq7000 ? "32 or 64" : "32, 64 or 128"));
        }
        board.cpu_mhz = table["system"]["cpu_mhz"].value_or(
            board.processing_system == ProcessingSystem::kZynq7000 ? 666.666687 : 1200.0);
        if (!(board.cpu_mhz >= 1.0 && board.cpu_mhz <= 10000.0)) {
            throw_bad(where,
                      fmt::format("[system] cpu_mhz = {} is not from 1 to 10000", board.cpu_mhz));
        }
    }
    if (table["ice40"].is_table()) board.ice40 = parse_ice40(table, where);
    return board;
}

const std::vector<Board>& built_in_boards() {
    static const std::vector<Board> boards = [] {
        std::vector<Board> result;
        for (const EmbeddedFile& file : embedded_boards()) {
            result.push_back(parse_board(file.text, std::string(file.name)));
        }
        std::ranges::sort(result, {}, &Board::name);
        return result;
    }();
    return boards;
}

Board find_board(const std::string& name_or_path) {
    if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".toml")) {
        std::ifstream stream(name_or_path, std::ios::binary);
        if (!stream) throw_bad(name_or_path, "cannot be opened");
        const std::string text{std::istreambuf_iterator<char>(stream), {}};
        return parse_board(text, name_or_path);
    }
    std::vector<std::string> names;
    for (const Board& board : built_in_boards()) {
        if (board.name == name_or_path) return board;
        names.push_back(board.name);
    }
    const std::string near = nearest_word(name_or_path, names);
    throw Error(code::kBoardUnknown, name_or_path, "there is no such board",
                (near.empty() ? "" : fmt::format("did you mean {}? ", near)) +
                    fmt::format("known boards: {}; or give the path of a board file",
                                fmt::join(names, ", ")));
}

}  // namespace qloom::hw
