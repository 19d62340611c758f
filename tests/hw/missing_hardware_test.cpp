#include <gtest/gtest.h>

#include "hw/registry.h"

namespace qloom::hw {
namespace {

network::Network one_layer(network::LayerKind kind, Shape in, Shape out) {
    network::Network net;
    const network::StreamId x = net.add_stream({"x", std::move(in), {4, false}, {0, 15}});
    const network::StreamId y = net.add_stream({"y", std::move(out), {4, false}, {0, 15}});
    net.layers.push_back({"layer", std::move(kind), {x}, {y}});
    net.inputs = {x};
    net.outputs = {y};
    network::verify(net);
    return net;
}

// What check says of a network is what fold would throw.
TEST(MissingHardware, NamesTheFirstLayerWithoutAUnit) {
    const network::SlidingWindow windows{.axes = {{.kernel = 2}, {.kernel = 2}, {.kernel = 2}}};
    const auto missing = missing_hardware(one_layer(windows, {4, 4, 4, 3}, {3, 3, 3, 24}));
    ASSERT_TRUE(missing.has_value());
    EXPECT_EQ(missing->text(),
              "Q0508: layer layer: its windows have 3 spatial axes, and a SlidingWindow takes at "
              "most 2; use convolutions of one or two dimensions");
    EXPECT_FALSE(missing_hardware(one_layer(network::Reshape{}, {4, 4, 3}, {48})).has_value());
}

}  // namespace
}  // namespace qloom::hw
