#pragma once

namespace qloom::train {

// Where a network computes. Losses, optimiser and checkpoints are the CPU's always.
enum class Device { kCpu, kCuda };

}  // namespace qloom::train
