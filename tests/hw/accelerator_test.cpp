#include "hw/accelerator.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hw/error_of.h"
#include "hw/fold.h"
#include "hw/prepare.h"
#include "hw/random_network.h"

namespace qloom::hw {
namespace {

using qloom::testing::error_of;
using qloom::testing::NetworkBuilder;

TEST(Accelerator, SurvivesItsFile) {
    NetworkBuilder build(4);
    const auto x = build.input("x", {12}, {-8, 7});
    const auto a = build.threshold(build.dense(x, 6, {-3, 3}), 7, {.bias = -4, .falling = true});
    const auto b = build.requantize(build.dense(x, 6, {-3, 3}), 6, {-128, 127});
    const auto network = build.finish({build.concat({a, b})});
    const Accelerator accelerator = fold(network, {.board = find_board("kv260"), .target_ii = 12});
    const std::string text = to_json(accelerator).dump(1);
    EXPECT_EQ(accelerator_from_json(nlohmann::ordered_json::parse(text), "accelerator.json"),
              accelerator);
}

TEST(Accelerator, ADamagedFileIsRefused) {
    EXPECT_EQ(
        error_of([] {
            accelerator_from_json(nlohmann::ordered_json{{"format", 7}}, "out/accelerator.json");
        }),
        "Q0509: out/accelerator.json: cannot be read (another format version); compile the network "
        "again");
}

TEST(Prepare, AdditionsOfManyStreamsBecomeChains) {
    NetworkBuilder build(5);
    const auto a = build.input("a", {6}, {0, 15});
    const auto b = build.input("b", {6}, {-8, 7});
    const auto c = build.input("c", {6}, {0, 3});
    const auto d = build.input("d", {6}, {-1, 1});
    const auto network = build.finish({build.add({a, b, c, d}, {3, -2, 5, -1})});
    const auto prepared = binary_additions(network);
    network::verify(prepared);
    EXPECT_EQ(prepared.layers.size(), 3U);
    for (const auto& layer : prepared.layers) EXPECT_EQ(layer.inputs.size(), 2U);
    const auto inputs = qloom::testing::random_inputs(network, 50, 1);
    EXPECT_EQ(qloom::testing::reference_run(prepared, inputs),
              qloom::testing::reference_run(network, inputs));
}

TEST(Prepare, InstanceNamesAreIdentifiers) {
    network::Network network;
    for (const char* name :
         {"fc1", "/model/act.0", "9lives", "fork", "", "fc1_", "rst", "model act 0"}) {
        network.layers.push_back(
            {.name = name, .kind = network::Reshape{}, .inputs = {}, .outputs = {}});
    }
    EXPECT_EQ(instance_names(network),
              (std::vector<std::string>{"fc1", "model_act_0", "layer_9lives", "layer_fork",
                                        "layer_", "fc1_2", "layer_rst", "model_act_0_2"}));
}

}  // namespace
}  // namespace qloom::hw
