#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lower/lower.h"
#include "network/network.h"

// What a driver on a processor must know to turn the model's numbers into the accelerator's and
// back: the part of lowering that a few lines of any language can repeat. What is more than that is
// named, and the driver then takes or gives integers.
namespace qloom::pack {

// q = clip(round_half_even(x / scale + zero_point), low, high), then real = (q - zero_point) *
// scale.
struct HostQuantiser {
    float scale = 1.0F;
    float zero_point = 0.0F;
    std::int64_t low = 0;
    std::int64_t high = 255;
    friend bool operator==(const HostQuantiser&, const HostQuantiser&) = default;
};

// integer[k] = (real[order[k]] - bias[k mod C]) / scale[k mod C] for a frame of the model's tensor
// in its own order.
struct HostInput {
    std::string tensor;
    Shape shape;                      // of a frame, as the model has it
    std::vector<std::int64_t> order;  // empty: the same
    std::vector<double> scale;        // 1 or C
    std::vector<double> bias;         // as many
    Range range;                      // of the integers
    std::optional<HostQuantiser> quantiser = {};
    // Of the model, before the hardware, that a driver does not know.
    std::vector<std::string> operators = {};
};

// real[order[k]] = scale[k mod C] * integer[k] + bias[k mod C].
struct HostOutput {
    std::string tensor;
    Shape shape;
    std::vector<std::int64_t> order;
    std::vector<double> scale;
    std::vector<double> bias;
    bool integer = false;                     // an index: the integers are the output
    std::vector<std::string> operators = {};  // after the hardware: the tensor is what they read
};

struct HostView {
    HostInput input;
    HostOutput output;
    // Whether the largest integer of a frame is the largest of the model's numbers: what programs
    // without a model compare.
    [[nodiscard]] bool integers_compare_alike() const;
    // Facts a person should know: operators that the drivers leave to their user.
    [[nodiscard]] std::vector<std::string> notes() const;
};

// `lowered` has one input and one output stream.
HostView host_view(const lower::Lowered& lowered);

}  // namespace qloom::pack
