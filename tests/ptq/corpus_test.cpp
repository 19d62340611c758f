// Float models of other people's exporters, quantised and lowered.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "base/npy.h"
#include "lowers.h"
#include "ptq/quantise.h"

namespace qloom::ptq {
namespace {

TEST(PtqCorpus, FloatModelsQuantiseAndLower) {
    const std::filesystem::path root = QLOOM_CORPUS;
    if (!std::filesystem::exists(root)) {
        GTEST_SKIP() << "no corpus of golden vectors at " << QLOOM_CORPUS;
    }
    for (const std::string name : {"ex_three_layer_keras_float", "ex_three_layer_pytorch_float",
                                   "qonnx_mnist_conv_float", "qonnx_residual_block_float"}) {
        const std::filesystem::path folder = root / name;
        ASSERT_TRUE(std::filesystem::exists(folder / "model.onnx")) << name;
        const ir::Graph model = ir::tidy(onnx::read_model(folder / "model.onnx"));
        const std::vector<ir::Value> frames{read_npy(folder / "input.npy")};
        const bool large = element_count(ir::shape_of(frames[0])) > 100000;
        double snr_4 = 0.0;
        for (const int bits : {4, 8}) {
            const Quantised result =
                quantise(model, frames,
                         {.weight_bits = bits,
                          .activation_bits = bits,
                          .equalisation = large ? Equalisation::kNone : Equalisation::kBest,
                          .advise = !large});
            std::printf("%-32s W%dA%d  %5.1f dB\n", name.c_str(), bits, bits,
                        result.report.output_snr_db);
            if (bits == 4) {
                snr_4 = result.report.output_snr_db;
                testing::expect_lowers(result.graph, frames, name);
            }
            EXPECT_GT(result.report.output_snr_db, bits == 4 ? 5.0 : 20.0) << name;
            EXPECT_GT(result.report.output_snr_db, snr_4 - 1e-9) << name;
        }
    }
}

}  // namespace
}  // namespace qloom::ptq
