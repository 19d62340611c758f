#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/codes/soc.h"
#include "soc/system.h"

// How qloom and qloom-soc talk: the order and the outcome of a run, as JSON files. They are two
// programs because the emulator library's licence asks for it.
namespace qloom::soc {

struct RunOrder {
    std::filesystem::path firmware;  // ELF
    std::filesystem::path model;     // verilated qloom_soc
    std::filesystem::path data;      // where its memory files are
    SystemOptions system;
};

std::string order_text(const RunOrder& order);
RunOrder order_of(const std::string& text);

std::string result_text(const SystemResult& result);
std::string failure_text(const Error& error);
// Throws the error that the run ended with.
SystemResult result_of(const std::string& text);

}  // namespace qloom::soc
