#pragma once

#include <vector>

namespace qloom::explore {

// What an option is judged by: more accuracy, more frames a second, fewer LUTs.
struct Merit {
    double accuracy = 0.0;
    double fps = 0.0;
    double luts = 0.0;
};

// For each whether no other is at least as good in everything and better in something.
std::vector<bool> pareto(const std::vector<Merit>& merits);

}  // namespace qloom::explore
