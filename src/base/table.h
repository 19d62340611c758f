#pragma once

#include <string>
#include <vector>

namespace qloom {

enum class Align { kLeft, kRight };

// A text table for people: columns as wide as their widest cell, two spaces apart, a rule under the heading.
//   layer   kind          cycles
//   ------  ------------  ------
//   fc1     MatrixVector      98
class Table {
public:
    struct Column {
        std::string heading;
        Align align = Align::kLeft;
    };
    explicit Table(std::vector<Column> columns);

    // As many cells as columns. Cells are UTF-8; a cell holds one line.
    void add_row(std::vector<std::string> cells);
    // A rule across the whole table, before the totals.
    void add_rule();

    [[nodiscard]] bool empty() const { return rows_.empty(); }
    // Every line ends with '\n' and has no blanks before it. Where the table is wider than `columns`, the widest
    // left-aligned column is cut, with "…" at the cut; 0 leaves it as wide as it is.
    [[nodiscard]] std::string text(int columns = 0) const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
};

// How many characters a UTF-8 text has.
std::size_t display_width(const std::string& text);

}  // namespace qloom
