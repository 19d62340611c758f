#include "ptq/place.h"

#include <gtest/gtest.h>

#include "ir/tidy.h"
#include "networks.h"
#include "ptq/prepare.h"

namespace qloom::ptq {
namespace {

using testing::FloatNet;

struct Placed {
    ir::Graph graph;
    std::vector<Layer> layers;
    Plan plan;

    // "relu1_out activation", "x input", "add_out activation join 0"
    [[nodiscard]] std::vector<std::string> spots() const {
        static constexpr const char* kRoles[] = {"input", "activation", "average", "curved"};
        std::vector<std::string> result;
        for (const Spot& spot : plan.spots) {
            result.push_back(graph.tensor(spot.tensor).name + " " +
                             kRoles[static_cast<int>(spot.role)] +
                             (spot.join >= 0 ? " join " + std::to_string(spot.join) : "") +
                             (spot.for_all ? " all" : ""));
        }
        return result;
    }
};

Placed placed(FloatNet& net, ir::TensorId end) {
    Placed result;
    result.graph = prepare(ir::tidy(net.builder.finish({end})));
    result.layers = layers_of(result.graph);
    result.plan = place(result.graph, result.layers);
    return result;
}

using Strings = std::vector<std::string>;

TEST(Place, AChainOfLayers) {
    FloatNet net(1);
    ir::TensorId x = net.builder.input("x", {1, 2, 8, 8});
    x = net.relu(net.conv("conv1", x, 2, 4, 3), "r1");
    x = net.relu(net.conv("conv2", net.max_pool(x), 4, 4, 3), "r2");
    x = net.flatten(net.builder.op(ir::GlobalAveragePool{}, {x}, "mean"));
    const Placed result = placed(net, net.dense("fc", x, 4, 3));
    EXPECT_EQ(result.spots(),
              (Strings{"x input", "r1_out activation", "r2_out activation", "mean_out average"}));
    EXPECT_EQ(result.plan.first, (std::vector<bool>{true, false, false}));
    EXPECT_EQ(result.plan.last, (std::vector<bool>{false, false, true}));
}

TEST(Place, DeclaredIntegersNeedNoQuantiser) {
    FloatNet net(2);
    const ir::TensorId x = net.builder.input("x", {1, 4});
    ir::Graph model = net.builder.finish({net.dense("fc", x, 4, 3)});
    model.tensor(model.inputs()[0]).annotation = IntType{8, false};
    const ir::Graph graph = prepare(ir::tidy(model));
    EXPECT_TRUE(place(graph, layers_of(graph)).spots.empty());
}

TEST(Place, JoinsShareAndSkipsKeepReadingReals) {
    FloatNet net(3);
    const ir::TensorId x = net.builder.input("x", {1, 4, 6, 6});
    const ir::TensorId a = net.relu(net.conv("conv1", x, 4, 4, 3), "r1");
    const ir::TensorId b = net.conv("conv2", a, 4, 4, 3);
    const ir::TensorId sum = net.builder.op(ir::Binary{ir::BinaryKind::kAdd}, {a, b}, "sum");
    const ir::TensorId c = net.relu(sum, "r2");
    const ir::TensorId both =
        net.builder.op(ir::Concat{1}, {c, net.relu(net.conv("conv3", c, 4, 2, 3), "r3")}, "both");
    const Placed result = placed(net, net.conv("conv4", both, 6, 2, 1));
    EXPECT_EQ(result.spots(),
              (Strings{"x input", "r1_out activation join 0", "conv2_out activation join 0",
                       "r2_out activation join 1", "r3_out activation join 1"}));
    for (std::size_t n = 0; n < result.graph.nodes().size(); ++n) {
        const ir::Node& node = result.graph.nodes()[n];
        if (node.name == "r2") {
            EXPECT_EQ(result.plan.reads[n][0], -1) << "the sum is thresholded with its Relu";
        }
        if (node.name == "sum") {
            EXPECT_EQ(result.plan.reads[n], (std::vector<int>{1, 2}));
        }
        if (node.name == "conv4") {
            EXPECT_EQ(result.plan.reads[n][0], -1) << "levels already";
        }
    }
}

TEST(Place, FunctionsThatTurnRoundBecomeTables) {
    FloatNet net(4);
    const ir::TensorId x = net.builder.input("x", {1, 4});
    const ir::TensorId a = net.unary(ir::UnaryKind::kHardSwish, net.dense("a", x, 4, 4), "swish");
    const ir::TensorId b = net.dense("b", a, 4, 4);
    const ir::TensorId silu = net.builder.op(ir::Binary{ir::BinaryKind::kMul},
                                             {b, net.unary(ir::UnaryKind::kSigmoid, b)}, "silu");
    const Placed result = placed(net, net.dense("c", silu, 4, 2));
    EXPECT_EQ(result.spots(), (Strings{"x input", "a_bias_out curved all", "swish_out activation",
                                       "b_bias_out curved all", "silu_out activation"}));
}

}  // namespace
}  // namespace qloom::ptq
