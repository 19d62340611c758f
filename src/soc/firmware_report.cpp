#include "soc/firmware_report.h"

#include <cstdio>
#include <sstream>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom::soc {
namespace {

[[noreturn]] void bad(const std::string& what) {
    throw Error(code::kFirmwareOutputBad, "UART", what,
                "print the lines that firmware/README.md describes");
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        lines.push_back(line);
    }
    return lines;
}

}  // namespace

FirmwareReport read_report(const std::string& uart_text, std::int64_t frames) {
    FirmwareReport report;
    bool has_time = false;
    for (const std::string& line : lines_of(uart_text)) {
        long long first = 0;
        long long second = 0;
        if (std::sscanf(line.c_str(), "qloom firmware on %*[^:]: %lld frames, %lld a transfer",
                        &first, &second) == 2) {
            report.batch = second;
        } else if (std::sscanf(line.c_str(), "frame %lld: label %lld", &first, &second) == 2) {
            if (first != static_cast<long long>(report.labels.size()))
                bad(fmt::format("frame {} is not the next one", first));
            report.labels.push_back(second);
        } else if (line.rfind("labels ", 0) == 0) {
            std::istringstream numbers(line.substr(line.find(':') + 1));
            for (std::int64_t label = 0; numbers >> label;) report.labels.push_back(label);
        } else if (std::sscanf(line.c_str(), "accuracy %lld of %lld", &first, &second) == 2) {
            report.right = first;
        } else if (std::sscanf(line.c_str(), "time %lld us, %lld frames/s", &first, &second) == 2) {
            report.microseconds = first;
            report.fps = second;
            has_time = true;
        }
    }
    if (static_cast<std::int64_t>(report.labels.size()) != frames) {
        bad(fmt::format("the firmware printed {} labels for {} frames", report.labels.size(),
                        frames));
    }
    if (!has_time) bad("the firmware printed no time");
    return report;
}

std::string reported_error(const std::string& uart_text) {
    std::string found;
    for (const std::string& line : lines_of(uart_text)) {
        if (line.rfind("error: ", 0) == 0) found = line.substr(7);
    }
    return found;
}

}  // namespace qloom::soc
