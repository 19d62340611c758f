#include "accelerator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace qloom {
namespace {

// Channels and registers of the DMA in simple mode.
constexpr std::uint32_t kSend = 0x00;
constexpr std::uint32_t kReceive = 0x30;
constexpr std::uint32_t kControl = 0x00;
constexpr std::uint32_t kStatus = 0x04;
constexpr std::uint32_t kAddress = 0x18;
constexpr std::uint32_t kAddressHigh = 0x1C;
constexpr std::uint32_t kLength = 0x28;
constexpr std::uint32_t kRun = 1U << 0U;
constexpr std::uint32_t kReset = 1U << 2U;
constexpr std::uint32_t kIdle = 1U << 1U;
constexpr std::uint32_t kErrors = 0x70;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr std::size_t kAlignment = 64;

std::size_t aligned(std::int64_t bytes) {
    return (static_cast<std::size_t>(bytes) + kAlignment - 1) / kAlignment * kAlignment;
}

std::string hex(std::uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

void pack(const Port& port, std::span<const std::int64_t> integers, std::span<std::uint8_t> bytes) {
    const std::int64_t beat_bytes = port.data_bits / 8;
    std::fill(bytes.begin(), bytes.end(), std::uint8_t{0});
    for (std::size_t i = 0; i < integers.size(); ++i) {
        const auto k = static_cast<std::int64_t>(i);
        std::int64_t bit = k / port.elements_per_beat * beat_bytes * 8 +
                           k % port.elements_per_beat * port.element_bits;
        auto value = static_cast<std::uint64_t>(integers[i]);
        // Bits up to the end of a byte at a time.
        for (int left = port.element_bits; left > 0;) {
            const int count = std::min(8 - static_cast<int>(bit % 8), left);
            const std::uint64_t part = value & ((std::uint64_t{1} << count) - 1);
            bytes[static_cast<std::size_t>(bit / 8)] |=
                static_cast<std::uint8_t>(part << (bit % 8));
            value >>= count;
            bit += count;
            left -= count;
        }
    }
}

// Output elements are whole bytes.
std::int64_t element_at(const Port& port, std::span<const std::uint8_t> bytes, std::int64_t index) {
    const int size = port.element_bits / 8;
    const std::int64_t at = index / port.elements_per_beat * (port.data_bits / 8) +
                            index % port.elements_per_beat * size;
    std::uint64_t value = 0;
    for (int i = size - 1; i >= 0; --i) {
        value = value << 8U | bytes[static_cast<std::size_t>(at + i)];
    }
    const int unused = 64 - port.element_bits;
    return port.is_signed ? static_cast<std::int64_t>(value << unused) >> unused
                          : static_cast<std::int64_t>(value);
}

std::int64_t whole_frames(std::size_t values, std::int64_t elements) {
    if (values % static_cast<std::size_t>(elements) != 0) {
        throw std::invalid_argument(std::to_string(values) + " values are no whole frames of " +
                                    std::to_string(elements));
    }
    return static_cast<std::int64_t>(values) / elements;
}

}  // namespace

Accelerator::Accelerator(Device& device, const Model& model, std::int64_t batch_size)
    : device_(&device), model_(model), batch_size_(batch_size) {
    const std::int64_t most =
        model.dma_max_bytes / std::max(model.input.frame_bytes(), model.output.frame_bytes());
    if (batch_size < 1 || batch_size > most) {
        throw std::invalid_argument("batch_size must be from 1 to " + std::to_string(most));
    }
    output_offset_ = aligned(batch_size * model.input.frame_bytes());
    const std::size_t needed = output_offset_ + aligned(batch_size * model.output.frame_bytes());
    if (needed > device.memory().size()) {
        throw std::runtime_error("a batch needs " + std::to_string(needed) +
                                 " bytes, and the buffer has " +
                                 std::to_string(device.memory().size()));
    }
    if (device.address() % kAlignment != 0 || device.address() + needed > model.dma_address_end) {
        throw std::runtime_error("the DMA does not reach a buffer at " + hex(device.address()));
    }
    reset();
}

void Accelerator::reset() {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    device_->write(kSend + kControl, kReset);
    while ((device_->read(kSend + kControl) & kReset) != 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error(
                "the DMA at " + hex(model_.dma_base) +
                " does not come out of reset: is the bitstream loaded, and its clock on?");
        }
    }
    device_->write(kReceive + kControl, kRun);
    device_->write(kSend + kControl, kRun);
}

std::span<std::uint8_t> Accelerator::input_buffer() {
    return device_->memory().first(
        static_cast<std::size_t>(batch_size_ * model_.input.frame_bytes()));
}

std::span<std::uint8_t> Accelerator::output_buffer() {
    return device_->memory().subspan(
        output_offset_, static_cast<std::size_t>(batch_size_ * model_.output.frame_bytes()));
}

void Accelerator::start(std::uint32_t channel, std::uint64_t address, std::int64_t bytes) {
    device_->write(channel + kAddress, static_cast<std::uint32_t>(address));
    device_->write(channel + kAddressHigh, static_cast<std::uint32_t>(address >> 32U));
    device_->write(channel + kLength, static_cast<std::uint32_t>(bytes));
}

void Accelerator::wait(std::uint32_t channel, const char* side) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
        const std::uint32_t status = device_->read(channel + kStatus);
        if ((status & kErrors) != 0) {
            reset();
            throw std::runtime_error(std::string("the DMA failed while ") + side + ", status " +
                                     hex(status));
        }
        if ((status & kIdle) != 0) {
            return;
        }
        if (std::chrono::steady_clock::now() > deadline) {
            reset();
            throw std::runtime_error(std::string("the DMA does not finish ") + side + ", status " +
                                     hex(status));
        }
    }
}

void Accelerator::execute_on_buffers(std::int64_t frames) {
    if (frames < 1 || frames > batch_size_) {
        throw std::invalid_argument("frames must be from 1 to " + std::to_string(batch_size_));
    }
    const std::int64_t out_bytes = frames * model_.output.frame_bytes();
    // The receiving side first: results come while frames still go out.
    start(kReceive, device_->address() + output_offset_, out_bytes);
    start(kSend, device_->address(), frames * model_.input.frame_bytes());
    wait(kSend, "sending");
    wait(kReceive, "receiving");
    const std::uint32_t received = device_->read(kReceive + kLength);
    if (received != static_cast<std::uint32_t>(out_bytes)) {
        throw std::runtime_error(std::to_string(received) + " bytes came back in place of " +
                                 std::to_string(out_bytes) +
                                 ": is this the bitstream of this model.h?");
    }
}

std::vector<std::int64_t> Accelerator::execute_integers(std::span<const std::int64_t> frames) {
    const std::int64_t count = whole_frames(frames.size(), model_.input.elements);
    std::vector<std::int64_t> results;
    results.reserve(static_cast<std::size_t>(count * model_.output.elements));
    for (std::int64_t first = 0; first < count; first += batch_size_) {
        const std::int64_t now = std::min(batch_size_, count - first);
        pack(model_.input,
             frames.subspan(static_cast<std::size_t>(first * model_.input.elements),
                            static_cast<std::size_t>(now * model_.input.elements)),
             input_buffer().first(static_cast<std::size_t>(now * model_.input.frame_bytes())));
        execute_on_buffers(now);
        const std::span<const std::uint8_t> bytes = output_buffer();
        for (std::int64_t i = 0; i < now * model_.output.elements; ++i) {
            results.push_back(element_at(model_.output, bytes, i));
        }
    }
    return results;
}

std::vector<std::int64_t> Accelerator::to_integers(std::span<const float> frames) const {
    if (*model_.host_before != '\0') {
        throw std::runtime_error(
            std::string("the model computes ") + model_.host_before +
            " before the hardware: do that yourself and give the integers to execute_integers()");
    }
    const std::int64_t elements = model_.input.elements;
    const std::int64_t count = whole_frames(frames.size(), elements);
    const std::size_t channels = model_.input_scale.size();
    std::vector<std::int64_t> integers(frames.size());
    for (std::int64_t i = 0; i < count * elements; ++i) {
        const std::int64_t k = i % elements;
        const std::int64_t from =
            model_.input_order.empty() ? k : model_.input_order[static_cast<std::size_t>(k)];
        float x = frames[static_cast<std::size_t>(i - k + from)];
        if (model_.has_quantiser) {
            // In single precision, as the model computes it; nearbyint rounds ties to even.
            const Quantiser& quantiser = model_.quantiser;
            const float level =
                std::clamp(std::nearbyint(x / quantiser.scale + quantiser.zero_point),
                           static_cast<float>(quantiser.low), static_cast<float>(quantiser.high));
            x = (level - quantiser.zero_point) * quantiser.scale;
        }
        const std::size_t c = static_cast<std::size_t>(k) % channels;
        const double exact =
            (static_cast<double>(x) - model_.input_bias[c]) / model_.input_scale[c];
        const double integer = std::nearbyint(exact);
        const bool is_inside = integer >= static_cast<double>(model_.input_low) &&
                               integer <= static_cast<double>(model_.input_high);
        if (!is_inside || std::abs(exact - integer) > 0.01) {
            throw std::invalid_argument(
                "the value " + std::to_string(x) + " is none of the integers " +
                std::to_string(model_.input_low) + " to " + std::to_string(model_.input_high) +
                " that the model takes");
        }
        integers[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(integer);
    }
    return integers;
}

std::vector<float> Accelerator::to_outputs(std::span<const std::int64_t> integers) const {
    const std::int64_t elements = model_.output.elements;
    const std::int64_t count = whole_frames(integers.size(), elements);
    const std::size_t channels = model_.output_scale.size();
    std::vector<float> outputs(integers.size());
    for (std::int64_t i = 0; i < count * elements; ++i) {
        const std::int64_t k = i % elements;
        const std::size_t c = static_cast<std::size_t>(k) % channels;
        const std::int64_t to =
            model_.output_order.empty() ? k : model_.output_order[static_cast<std::size_t>(k)];
        outputs[static_cast<std::size_t>(i - k + to)] = static_cast<float>(
            model_.output_scale[c] * static_cast<double>(integers[static_cast<std::size_t>(i)]) +
            model_.output_bias[c]);
    }
    return outputs;
}

std::vector<float> Accelerator::execute(std::span<const float> frames) {
    return to_outputs(execute_integers(to_integers(frames)));
}

Throughput Accelerator::throughput_test(int repeats) {
    const std::span<std::uint8_t> input = input_buffer();
    std::fill(input.begin(), input.end(), std::uint8_t{0});
    execute_on_buffers(batch_size_);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) {
        execute_on_buffers(batch_size_);
    }
    Throughput result;
    result.frames = repeats * batch_size_;
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    result.frames_per_second = static_cast<double>(result.frames) / result.seconds;
    return result;
}

std::vector<std::int64_t> labels_of(std::span<const float> outputs, std::int64_t frames) {
    std::vector<std::int64_t> labels;
    const std::size_t classes = frames > 0 ? outputs.size() / static_cast<std::size_t>(frames) : 1;
    for (std::size_t first = 0; first < outputs.size(); first += classes) {
        const std::span<const float> frame = outputs.subspan(first, classes);
        labels.push_back(classes == 1
                             ? static_cast<std::int64_t>(frame[0])
                             : std::max_element(frame.begin(), frame.end()) - frame.begin());
    }
    return labels;
}

}  // namespace qloom
