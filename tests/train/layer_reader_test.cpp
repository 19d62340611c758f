// Shapes and integer types through the layers of a recipe, and layers that do not fit together.
#include <gtest/gtest.h>

#include "../data/test_files.h"
#include "base/diagnostic.h"
#include "train/recipe.h"

namespace qloom::train {
namespace {

using data::error_text;

constexpr const char* kImages = "[input]\nshape = [2, 8, 6]\n";

std::string layer(const std::string& type, const std::string& keys = "") {
    return "[[layers]]\ntype = \"" + type + "\"\n" + keys + "\n";
}

Shape shape_behind(const std::string& layers) {
    return parse_recipe(kImages + layers, "r.toml").layers.back().shape;
}
std::string error_of(const std::string& layers) {
    return error_text([&] { parse_recipe(kImages + layers, "r.toml"); });
}

TEST(LayerReader, ShapesOfConvolutions) {
    EXPECT_EQ(shape_behind(layer("conv2d", "outputs = 5")), (Shape{5, 6, 4}));
    EXPECT_EQ(shape_behind(layer("conv2d", "outputs = 5\nkernel = [3, 1]\nstride = [2, 1]")),
              (Shape{5, 3, 6}));
    EXPECT_EQ(shape_behind(layer("conv2d", "outputs = 5\npadding = 1")), (Shape{5, 8, 6}));
    EXPECT_EQ(shape_behind(layer("conv2d", "outputs = 5\npadding = [0, 1, 2, 0]")),
              (Shape{5, 8, 5}));
    EXPECT_EQ(shape_behind(layer("conv2d", "outputs = 5\ndilation = 2")), (Shape{5, 4, 2}));
    EXPECT_EQ(shape_behind(layer("conv2d", "outputs = 5\nstride = 3\npadding = \"same\"")),
              (Shape{5, 3, 2}));
    EXPECT_EQ(shape_behind(layer("conv2d", "groups = \"depthwise\"")), (Shape{2, 6, 4}));
    EXPECT_EQ(shape_behind(layer("conv_transpose2d",
                                 "outputs = 3\nstride = 2\npadding = 1\noutput_padding = 1")),
              (Shape{3, 16, 12}));
}

// The same amount of padding in total as ONNX' SAME_UPPER, the odd pixel behind.
TEST(LayerReader, SamePadding) {
    const Recipe recipe = parse_recipe(
        kImages + layer("conv2d", "outputs = 1\nkernel = [4, 3]\npadding = \"same\""), "r.toml");
    const auto& conv = std::get<ConvSpec>(recipe.layers[0].kind);
    EXPECT_EQ(conv.pad_begin, (Pair{1, 1}));
    EXPECT_EQ(conv.pad_end, (Pair{2, 1}));
    EXPECT_EQ(recipe.layers[0].shape, (Shape{1, 8, 6}));
}

TEST(LayerReader, ShapesOfTheOthers) {
    const std::string conv = layer("conv2d", "outputs = 4\npadding = 1");
    EXPECT_EQ(shape_behind(conv + layer("max_pool")), (Shape{4, 4, 3}));
    EXPECT_EQ(shape_behind(conv + layer("avg_pool", "kernel = 3\nstride = 2\npadding = 1")),
              (Shape{4, 4, 3}));
    EXPECT_EQ(shape_behind(conv + layer("global_avg_pool")), (Shape{4, 1, 1}));
    EXPECT_EQ(shape_behind(conv + layer("upsample", "factor = [1, 3]")), (Shape{4, 8, 18}));
    EXPECT_EQ(shape_behind(conv + layer("flatten")), (Shape{192}));
    EXPECT_EQ(shape_behind(conv + layer("concat", "from = [\"conv2d1\", \"input\"]")),
              (Shape{6, 8, 6}));
    EXPECT_EQ(
        parse_recipe("[input]\nshape = [3, 9]\n" + layer("conv1d", "outputs = 2\nstride = 2"), "r")
            .layers[0]
            .shape,
        (Shape{2, 4}));
}

TEST(LayerReader, TruncatedPoolKnowsItsIntegers) {
    const Recipe recipe = parse_recipe(kImages + layer("conv2d", "outputs = 4") +
                                           layer("relu", "quantiser = { bits = 5 }") +
                                           layer("max_pool", "kernel = 2\nstride = 1") +
                                           layer("trunc_avg_pool", "kernel = [2, 3]\nbits = 6"),
                                       "r.toml");
    const auto& pool = std::get<PoolSpec>(recipe.layers.back().kind);
    EXPECT_EQ(pool.input_type, (IntType{5, false, false}));
    EXPECT_EQ(trunc_shift(pool), 2);  // 6 * 31 = 186 needs 8 bits
}

TEST(LayerReaderErrors, ShapesThatDoNotFit) {
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c1\"\noutputs = 4") +
                       layer("linear", "name = \"fc\"\noutputs = 2")),
              "Q0816: r.toml:8: fc takes a flat vector, but c1 gives [4, 6, 4]; put a flatten "
              "layer before fc");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c1\"\noutputs = 4\nkernel = 9")),
              "Q0816: r.toml:7: c1 has a kernel that reaches over 9 pixels with 0 of padding, but "
              "the input gives [2, 8, "
              "6]; choose a smaller kernel or more padding");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c1\"\noutputs = 4\ngroups = 3")),
              "Q0816: r.toml:7: c1 has 3 groups and 4 outputs, but the input gives [2, 8, 6]; "
              "groups must divide the "
              "channels that come in and the outputs");
    EXPECT_EQ(error_of(layer("conv1d", "name = \"c1\"\noutputs = 4")),
              "Q0816: r.toml:4: c1 takes sequences [channels, length], but the input gives [2, 8, "
              "6]; give a shape of that "
              "many axes in [input], or another type of layer");
    EXPECT_EQ(error_of(layer("flatten") + layer("conv2d", "name = \"c1\"\noutputs = 4")),
              "Q0816: r.toml:7: c1 takes images [channels, height, width], but flatten1 gives 96 "
              "values; give a shape of "
              "that many axes in [input], or another type of layer");
    EXPECT_EQ(error_of(layer("max_pool", "name = \"p\"\nkernel = 7")),
              "Q0816: r.toml:6: p has a kernel of 7 pixels, but the input gives [2, 8, 6]; choose "
              "a smaller kernel");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c1\"\noutputs = 4") +
                       layer("add", "name = \"sum\"\nfrom = [\"c1\", \"input\"]")),
              "Q0816: r.toml:10: sum adds what c1 and input give, but these are [4, 6, 4] and [2, "
              "8, 6]; make both shapes "
              "equal, for example with a convolution of kernel 1");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c1\"\noutputs = 4") +
                       layer("concat", "name = \"both\"\nfrom = [\"c1\", \"input\"]")),
              "Q0816: r.toml:10: both concatenates what c1 and input give, but these are [4, 6, 4] "
              "and [2, 8, 6]; make all "
              "axes but the channels equal");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c1\"\noutputs = 4") +
                       layer("trunc_avg_pool", "name = \"p\"")),
              "Q0816: r.toml:8: p takes integers of at least 2 bits with one scale, but c1 gives "
              "[4, 6, 4]; put a layer "
              "with a quantiser per tensor before it");
}

TEST(LayerReaderErrors, BiasesWithoutScale) {
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c1\"\noutputs = 4") +
                       layer("conv2d", "name = \"c2\"\noutputs = 4\nbias = { bits = 16 }")),
              "Q0816: r.toml:11: the bias of c2 has the scale of its products, but c1 gives no "
              "integers of one scale; "
              "quantise both with one scale per tensor, or give the bias scale = \"max\"");
    EXPECT_EQ(
        error_of(
            layer("conv2d", "name = \"c1\"\noutputs = 4\nweights = false\nbias = { bits = 16 }")),
        "Q0816: r.toml:8: the bias of c1 has the scale of its products, but its weights are float; "
        "quantise both with one scale per tensor, or give the bias scale = \"max\"");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c1\"\noutputs = 4\nbias = { bits = 33 }")),
              "Q0815: r.toml:7: layer c1: bias: 33 bits are not possible; a bias has 2 to 32");
}

TEST(LayerReader, AccumulatorBound) {
    const Recipe recipe = parse_recipe(kImages + layer("conv2d", "outputs = 4") + layer("relu") +
                                           layer("conv2d", "outputs = 2\naccumulator = 16"),
                                       "r.toml");
    const AccumulatorSpec spec = std::get<ConvSpec>(recipe.layers.back().kind).accumulator.value();
    EXPECT_NEAR(spec.reach, 2184.47, 0.01);  // the example of layer_spec.h
    EXPECT_TRUE(spec.centred);
}

TEST(LayerReaderErrors, AccumulatorsWithoutIntegers) {
    EXPECT_EQ(
        error_of(layer("conv2d", "name = \"c1\"\noutputs = 4\nweights = false\naccumulator = 16")),
        "Q0816: r.toml:8: the accumulator of c1 is bounded, but its weights are no symmetric "
        "levels of 2 bits and more; "
        "quantise both with one scale per tensor, or leave accumulator out");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c1\"\noutputs = 4") +
                       layer("conv2d", "name = \"c2\"\noutputs = 4\naccumulator = 16")),
              "Q0816: r.toml:11: the accumulator of c2 is bounded, but c1 gives no integers of one "
              "scale; quantise both with "
              "one scale per tensor, or leave accumulator out");
}

TEST(LayerReaderErrors, Folds) {
    EXPECT_EQ(error_of(layer("max_pool", "name = \"p\"") +
                       layer("batch_norm", "name = \"bn\"\nfold = true")),
              "Q0816: r.toml:9: bn is folded into a linear layer or convolution, but p gives [2, "
              "4, 3]; put it right behind "
              "one, or leave fold out");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"c\"\noutputs = 4") +
                       layer("batch_norm", "name = \"bn\"\nfold = true")),
              "Q0816: r.toml:10: bn is folded into c, which has a bias of its own; set bias = "
              "false, or a bias quantiser, in "
              "c: the mean takes it out");
    const std::string conv = layer("conv2d", "name = \"c\"\noutputs = 4\nbias = false");
    EXPECT_EQ(error_of(conv + layer("relu", "name = \"r\"") +
                       layer("batch_norm", "name = \"bn\"\nfrom = \"c\"\nfold = true")),
              "Q0818: r.toml:15: bn is folded into c, which r reads too; read bn instead, or set "
              "fold = false there");
    EXPECT_EQ(error_of(conv + layer("batch_norm", "name = \"bn\"\nfold = true") +
                       layer("relu", "name = \"r\"\nfrom = \"c\"")),
              "Q0818: r.toml:15: r reads c, into which bn is folded; read bn instead, or set fold "
              "= false there");
}

TEST(LayerReaderErrors, Taps) {
    EXPECT_EQ(
        error_of(layer("conv2d", "name = \"conv1\"\noutputs = 4") +
                 layer("relu", "from = \"cnov1\"")),
        "Q0818: r.toml:9: layer relu1: no earlier layer is called cnov1; did you mean conv1?");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"conv1\"\noutputs = 4") +
                       layer("relu", "from = \"zzzzzzzzzz\"")),
              "Q0818: r.toml:9: layer relu1: no earlier layer is called zzzzzzzzzz; name one of "
              "conv1, input");
    EXPECT_EQ(error_of(layer("conv2d", "name = \"a\"\noutputs = 4") +
                       layer("conv2d", "name = \"b\"\noutputs = 4\nfrom = \"input\"")),
              "Q0818: r.toml: nothing reads what a gives; name it in the from of a later layer, or "
              "remove a");
    EXPECT_EQ(error_of(layer("add")),
              "Q0814: r.toml:3: layer add1: from = [input] names 1 layer; name the two or more "
              "layers to join: from = "
              "[\"a\", \"b\"]");
}

TEST(LayerReaderErrors, ListsOfNumbers) {
    EXPECT_EQ(
        error_of(layer("conv2d", "outputs = 4\nkernel = [3, 3, 3]")),
        "Q0814: r.toml:6: layer conv2d1: kernel = [ 3, 3, 3 ] has 3 numbers; give 1 or 2 of them");
    EXPECT_EQ(error_of(layer("conv2d", "outputs = 4\nkernel = 0")),
              "Q0814: r.toml:6: layer conv2d1: kernel = 0 is out of range; give 1 to 16384");
}

}  // namespace
}  // namespace qloom::train
