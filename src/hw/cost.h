#pragma once

#include <cstdint>

#include "hw/accelerator.h"

// The cost model: LUTs, flip-flops, block RAM of the library's building blocks on a 7-series
// device, fitted to measured Yosys results (docs/rationale/hw.md says where each figure comes
// from).
namespace qloom::hw::cost {

// 0 for n <= 1.
int ceil_log2(std::int64_t n);

// A ROM of constants as LUT logic, and as block RAM.
double rom_luts(std::int64_t words, std::int64_t bits);
double block_rams(std::int64_t words, std::int64_t bits);  // in BRAM36, steps of 0.5
// A memory that is written: LUTRAM.
double ram_luts(std::int64_t words, std::int64_t bits);
// A comparison of two variables, and with a constant.
double compare_luts(int bits);
double constant_compare_luts(int bits);
// A product of two variables.
double product_luts(int a_bits, int b_bits);

Resources skid(std::int64_t bits);
// A FIFO deeper than 2 (which is a skid), without its memory.
Resources fifo_control(std::int64_t depth);
Resources width_converter(int element_bits, std::int64_t in_elements, std::int64_t out_elements);
Resources fork(std::int64_t bits, int ways);
Resources output_stage(std::int64_t bits);

}  // namespace qloom::hw::cost
