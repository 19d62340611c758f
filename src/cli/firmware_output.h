#pragma once

#include "lower/lower.h"
#include "pack/firmware_project.h"

namespace qloom::cli {

// Tells the firmware how to compare the accelerator's results, where the order of the integers is
// not the model's: scales, biases, and the additions and multiplications that the host would do
// after them. Throws code::kLabelsNotComparable for a host that does more, and for several outputs.
void set_output_meaning(const lower::Lowered& lowered, pack::FirmwareOptions& options);

}  // namespace qloom::cli
