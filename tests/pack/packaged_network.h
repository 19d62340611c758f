#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "pack/package.h"

// A small network with everything a package is made from, written to a folder like a user's. What
// it means is computed by loops (tests/hw/random_network.h) and by the formulas of host_view.h, not
// by the code under test.
namespace qloom::testing {

struct PackagedNetwork {
    hw::Accelerator accelerator;
    network::Network network;
    lower::Lowered lowered;
    pack::Samples samples;
    pack::Package package;
    std::filesystem::path folder;  // rtl/ and the package; removed with the last copy of this value
    Tensor<float> model_inputs;    // (F, elements) in the model's order
    Tensor<float> model_outputs;   // what the model gives for them
    std::shared_ptr<void> folder_guard;
};

// kBytes: 16 bytes, 8 a beat -> a label; widths legal for a DMA as they are.
// kOdd: 12 signed elements of 3 bits, quantised on the host and reordered, in beats of 24 bits; 5
// values with a scale and a bias
//       for each channel in beats of 40 bits: gearboxes on both sides.
enum class Kind { kBytes, kOdd };
PackagedNetwork packaged_network(Kind kind, const std::string& board = "pynq-z1",
                                 std::int64_t frames = 23);

}  // namespace qloom::testing
