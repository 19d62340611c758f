#include "base/table.h"

#include <algorithm>
#include <utility>

#include "base/diagnostic.h"

namespace qloom {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowestCut = 8;

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

// The first `width` characters, the last of them "…" when something was cut.
std::string cut(const std::string& text, std::size_t width) {
    if (display_width(text) <= width) {
        return text;
    }
    std::string result;
    std::size_t characters = 0;
    for (const char byte : text) {
        if (starts_character(byte) && characters++ == width - 1) {
            break;
        }
        result += byte;
    }
    return result + "…";
}

std::string padded(const std::string& cell, std::size_t width, Align align) {
    const std::string blanks(width - std::min(width, display_width(cell)), ' ');
    return align == Align::kLeft ? cell + blanks : blanks + cell;
}

void append_line(std::string& result, std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
}

}  // namespace

std::size_t display_width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add_row(std::vector<std::string> cells) {
    QLOOM_ASSERT(cells.size() == columns_.size(), "a row has a cell for every column");
    rows_.push_back(std::move(cells));
}

void Table::add_rule() { rows_.emplace_back(); }

std::string Table::text(int columns) const {
    std::vector<std::size_t> widths;
    std::size_t total = 0;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        std::size_t width = display_width(columns_[c].heading);
        for (const auto& row : rows_) {
            width = std::max(width, row.empty() ? 0 : display_width(row[c]));
        }
        widths.push_back(width);
        total += width + (c == 0 ? 0 : kGap);
    }
    if (columns > 0 && total > static_cast<std::size_t>(columns)) {
        std::size_t widest = columns_.size();
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            if (columns_[c].align == Align::kLeft && (widest == columns_.size() || widths[c] > widths[widest])) {
                widest = c;
            }
        }
        if (widest < columns_.size()) {
            const std::size_t excess = total - static_cast<std::size_t>(columns);
            widths[widest] = std::max(std::min(kNarrowestCut, widths[widest]),
                                      widths[widest] - std::min(widths[widest], excess));
        }
    }
    std::string rule;
    std::string heading;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        const std::string gap(c == 0 ? 0 : kGap, ' ');
        heading += gap + padded(cut(columns_[c].heading, widths[c]), widths[c], columns_[c].align);
        rule += gap + std::string(widths[c], '-');
    }
    std::string result;
    append_line(result, heading);
    append_line(result, rule);
    for (const auto& row : rows_) {
        if (row.empty()) {
            append_line(result, rule);
            continue;
        }
        std::string line;
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            line += std::string(c == 0 ? 0 : kGap, ' ') + padded(cut(row[c], widths[c]), widths[c], columns_[c].align);
        }
        append_line(result, line);
    }
    return result;
}

}  // namespace qloom
