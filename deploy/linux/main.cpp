// Runs the frames of samples.h and compares with what the integer engine computed; then times whole
// batches.
#include <cstdio>
#include <exception>

#include "accelerator.h"
#include "model.h"
#include "samples.h"

int main() {
    try {
        const auto device = qloom::open_device();
        qloom::Accelerator accelerator(*device, qloom::kModel);
        const auto found = accelerator.execute_integers(qloom::kSampleInputs);
        const std::size_t width = found.size() / qloom::kSamples;
        int equal = 0;
        for (std::size_t i = 0; i < qloom::kSamples; ++i) {
            bool is_equal = true;
            for (std::size_t k = i * width; k < (i + 1) * width; ++k) {
                is_equal = is_equal && found[k] == qloom::kSampleOutputs[k];
            }
            equal += is_equal ? 1 : 0;
        }
        std::printf("%d of %d frames equal the integer engine's\nlabels:", equal, qloom::kSamples);
        for (const auto label : qloom::labels_of(accelerator.to_outputs(found), qloom::kSamples)) {
            std::printf(" %d", static_cast<int>(label));
        }
        const qloom::Throughput speed = accelerator.throughput_test();
        std::printf("\n%lld frames in %.6f s: %.0f frames/s (the accelerator itself: %.0f)\n",
                    static_cast<long long>(speed.frames), speed.seconds, speed.frames_per_second,
                    qloom::kModel.frames_per_second);
        return equal == qloom::kSamples ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 1;
    }
}
