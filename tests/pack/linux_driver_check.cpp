// A program against the packaged Linux driver: linux_driver_check x.bin y.bin (floats). Prints what
// is wrong.
#include <cstdio>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "accelerator.h"
#include "model.h"
#include "samples.h"

namespace {

int failures = 0;

void expect(bool is_true, const std::string& what) {
    if (!is_true) {
        std::printf("wrong: %s\n", what.c_str());
        ++failures;
    }
}

void expect_error(const std::function<void()>& action, const std::string& part) {
    try {
        action();
        expect(false, "no error: " + part);
    } catch (const std::exception& error) {
        expect(std::string(error.what()).find(part) != std::string::npos,
               error.what() + std::string(", not ") + part);
    }
}

std::vector<float> floats(const char* name) {
    std::ifstream stream(name, std::ios::binary | std::ios::ate);
    std::vector<float> values(static_cast<std::size_t>(stream.tellg()) / sizeof(float));
    stream.seekg(0);
    stream.read(reinterpret_cast<char*>(values.data()),
                static_cast<std::streamsize>(values.size() * sizeof(float)));
    return values;
}

}  // namespace

int main(int, char** arguments) {
    const std::vector<float> x = floats(arguments[1]);
    const std::vector<float> y = floats(arguments[2]);
    const auto device = qloom::open_device();
    const qloom::Model& model = qloom::kModel;
    for (const std::int64_t batch : {1, 8, 100}) {
        qloom::Accelerator accelerator(*device, model, batch);
        expect(accelerator.execute(x) == y, "execute, batch " + std::to_string(batch));
        const auto found = accelerator.execute_integers(qloom::kSampleInputs);
        expect(std::equal(found.begin(), found.end(), std::begin(qloom::kSampleOutputs),
                          std::end(qloom::kSampleOutputs)),
               "execute_integers, batch " + std::to_string(batch));
        expect(accelerator.throughput_test(2).frames == 2 * batch, "throughput_test");
    }
    qloom::Accelerator accelerator(*device, model, 4);
    expect(accelerator.execute({}).empty(), "no frames");
    const auto values = std::vector<float>(static_cast<std::size_t>(model.input.elements + 1));
    expect_error([&] { accelerator.execute(values); }, "are no whole frames of");
    expect_error([&] { accelerator.execute_on_buffers(5); }, "frames must be from 1 to 4");
    expect_error([&] { qloom::Accelerator(*device, model, 0); }, "batch_size must be from 1 to ");
    expect_error([&] { qloom::Accelerator(*device, model, 1'000'000); }, "a batch needs ");
    if (!model.has_quantiser) {
        const auto large =
            std::vector<float>(static_cast<std::size_t>(model.input.elements), 300.0F);
        expect_error([&] { accelerator.execute(large); }, "is none of the integers 0 to 255");
    }
    qloom::Model other = model;
    other.output.beats *= 2;
    qloom::Accelerator wrong(*device, other, 2);
    expect_error([&] { wrong.execute_on_buffers(2); }, "is this the bitstream of this model.h?");
    other = model;
    other.dma_address_end = 0x1000;
    expect_error([&] { qloom::Accelerator(*device, other, 2); }, "does not reach a buffer");
    other.dma_address_end = model.dma_address_end;
    other.host_before = "Resize (r)";
    qloom::Accelerator partial(*device, other, 2);
    expect_error([&] { partial.execute(x); }, "the model computes Resize (r) before the hardware");
    std::printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
