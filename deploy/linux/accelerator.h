// Runs a Qloom accelerator behind an AXI DMA in simple mode.
//
//   auto device = qloom::open_device();
//   qloom::Accelerator accelerator(*device, qloom::kModel);
//   std::vector<float> y = accelerator.execute(x);  // x: frames of the model, back to back
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device.h"

namespace qloom {

// One stream: `beats` beats a frame of data_bits, element k of a beat at bit k * element_bits, the
// low byte first in memory.
struct Port {
    std::int64_t elements = 1;  // a frame
    std::int64_t beats = 1;
    std::int64_t elements_per_beat = 1;
    int element_bits = 8;
    int data_bits = 8;
    bool is_signed = false;
    std::int64_t frame_bytes() const { return beats * data_bits / 8; }
};

// level = clip(round_half_even(x / scale + zero_point), low, high)
struct Quantiser {
    float scale = 1.0F;
    float zero_point = 0.0F;
    std::int64_t low = 0;
    std::int64_t high = 0;
};

// Everything that depends on the network; model.h has the one of this package. Arrays of scales
// hold one value, or one a channel: element k of a stream has channel k mod C.
struct Model {
    Port input;
    Port output;
    std::span<const double> input_scale;
    std::span<const double> input_bias;
    // Empty, or stream element k is element order[k] of the model's frame.
    std::span<const std::int32_t> input_order;
    std::int64_t input_low = 0;
    std::int64_t input_high = 0;
    bool has_quantiser = false;
    Quantiser quantiser = {};
    std::span<const double> output_scale;
    std::span<const double> output_bias;
    std::span<const std::int32_t> output_order;
    // Operators of the model that this driver does not compute: give it integers.
    const char* host_before = "";
    const char* host_after = "";
    std::uint64_t dma_base = 0;
    std::int64_t dma_max_bytes = 0;
    std::uint64_t dma_address_end = 0;  // the DMA reaches addresses below
    double frames_per_second = 0.0;     // of the accelerator itself
};

struct Throughput {
    std::int64_t frames = 0;
    double seconds = 0.0;
    double frames_per_second = 0.0;
};

// Every function throws std::runtime_error with a sentence when the DMA reports an error or does
// not answer in time, and std::invalid_argument for frames that the model does not take.
class Accelerator {
public:
    // `batch_size` frames travel in one transfer; the device's memory holds a batch each way.
    Accelerator(Device& device, const Model& model, std::int64_t batch_size = 100);

    std::int64_t batch_size() const { return batch_size_; }

    // The model: frames in, frames out, back to back, each in the model's own order.
    std::vector<float> execute(std::span<const float> frames);
    // The hardware alone: integers in the order of the streams.
    std::vector<std::int64_t> execute_integers(std::span<const std::int64_t> frames);
    // Runs the first `frames` frames that lie in input_buffer(); results are in output_buffer()
    // afterwards.
    void execute_on_buffers(std::int64_t frames);
    // Whole batches of zeros, timed.
    Throughput throughput_test(int repeats = 10);

    std::span<std::uint8_t> input_buffer();
    std::span<std::uint8_t> output_buffer();

    std::vector<std::int64_t> to_integers(std::span<const float> frames) const;
    std::vector<float> to_outputs(std::span<const std::int64_t> integers) const;

private:
    void reset();
    void start(std::uint32_t channel, std::uint64_t address, std::int64_t bytes);
    void wait(std::uint32_t channel, const char* side);

    Device* device_;
    Model model_;
    std::int64_t batch_size_;
    std::size_t output_offset_;
};

// The class of each frame: the model's own choice, or the index of its largest output.
std::vector<std::int64_t> labels_of(std::span<const float> outputs, std::int64_t frames);

}  // namespace qloom
