#pragma once

#include <string>
#include <string_view>

#include "data/dataset.h"

namespace qloom::data {

// A table of numbers with a label a line: one line a sample, fields separated by commas or
// semicolons (whichever the first line has). A first line without any number is a header. `label`
// names the column of the label by its header or its number from 1; empty: the last. Labels are
// words or whole numbers; words become classes in alphabetical order.
//   "x,y,kind\n0.5,1,cat\n2,3,dog\n"   ->   samples {{0.5, 1}, {2, 3}}, labels {0, 1}, class names
//   {cat, dog}
// Throws kDatasetCorrupt with the line, kDatasetMismatch.
Dataset parse_csv(std::string_view text, const std::string& where, const std::string& label = "");

Dataset load_csv(const std::string& name, const std::string& file, const std::string& label);

}  // namespace qloom::data
