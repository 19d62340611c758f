#include "base/table.h"

#include <gtest/gtest.h>

namespace qloom {
namespace {

TEST(Table, ColumnsAlign) {
    Table table({{"layer"}, {"kind"}, {"cycles", Align::kRight}});
    table.add_row({"fc1", "MatrixVector", "98"});
    table.add_row({"activation", "Threshold", "1000000"});
    table.add_rule();
    table.add_row({"total", "", "7"});
    EXPECT_EQ(table.text(),
              "layer       kind           cycles\n"
              "----------  ------------  -------\n"
              "fc1         MatrixVector       98\n"
              "activation  Threshold     1000000\n"
              "----------  ------------  -------\n"
              "total                           7\n");
}

TEST(Table, NarrowTerminalCutsTheWidestTextColumn) {
    Table table({{"layer"}, {"why"}, {"n", Align::kRight}});
    table.add_row({"fc1", "a long sentence about it", "1"});
    EXPECT_EQ(table.text(24),
              "layer  why             n\n"
              "-----  --------------  -\n"
              "fc1    a long senten…  1\n");
}

TEST(Table, WidthCountsCharactersNotBytes) {
    EXPECT_EQ(display_width("µs ≤ 3"), 6U);
    Table table({{"time"}, {"x"}});
    table.add_row({"3 µs", "a"});
    EXPECT_EQ(table.text(), "time  x\n----  -\n3 µs  a\n");
}

}  // namespace
}  // namespace qloom
