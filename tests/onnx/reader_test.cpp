#include "onnx/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/execute.h"
#include "ir/verify.h"
#include "model_maker.h"

namespace qloom::onnx {
namespace {

using Floats = Tensor<float>;
using Ints = Tensor<std::int64_t>;
using Proto = ::onnx::TensorProto;
constexpr const char* kQonnx = "qonnx.custom_op.general";

ir::Graph parse(const ModelMaker& maker) {
    ir::Graph graph = parse_model(maker.bytes(), "m.onnx");
    EXPECT_EQ(ir::verify(graph), "");
    return graph;
}

Floats run(const ModelMaker& maker, const std::vector<ir::Value>& inputs) {
    const ir::Value result = ir::Executor(parse(maker)).run(inputs)[0];
    return std::get<Floats>(result);
}

// The operator of the only node.
template <class Op>
Op only(const ModelMaker& maker) {
    const ir::Graph graph = parse(maker);
    EXPECT_EQ(graph.nodes().size(), 1U);
    return std::get<Op>(graph.nodes()[0].op);
}

const Floats kFour({1, 4}, {1, 2, 3, 4});

TEST(Reader, NamesInputsOutputsAndMetadata) {
    ModelMaker maker;
    maker.input("x", {-1, 4}).node("Relu", {"x"}, {"y"}).output("y");
    auto* property = maker.model().add_metadata_props();
    property->set_key("k");
    property->set_value("v");
    maker.last().clear_name();
    const ir::Graph graph = parse(maker);
    EXPECT_EQ(graph.name, "made");
    EXPECT_EQ(graph.metadata, (std::vector<std::pair<std::string, std::string>>{{"k", "v"}}));
    EXPECT_EQ(graph.nodes()[0].name, "Relu_y");
    EXPECT_EQ(graph.tensor(graph.inputs()[0]).shape, (Shape{1, 4}));
    EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "y");
}

TEST(Reader, TheFrameAxisBecomesOne) {
    for (const std::int64_t batch : {std::int64_t{-1}, std::int64_t{1}, std::int64_t{789444}}) {
        ModelMaker maker;
        maker.input("x", {batch, 4}).node("Relu", {"x"}, {"y"}).output("y");
        EXPECT_EQ(parse(maker).tensor(ir::TensorId{0}).shape, (Shape{1, 4}));
    }
}

TEST(Reader, NodesMayComeInAnyOrderAndShareNames) {
    ModelMaker maker;
    maker.input("x", {1, 4}).node("Relu", {"t"}, {"y"}).node("Relu", {"x"}, {"t"}).output("y");
    const ir::Graph graph = parse(maker);
    EXPECT_EQ(graph.nodes()[0].name, "theRelu_1");
    EXPECT_EQ(graph.nodes()[1].name, "theRelu");
}

TEST(Reader, OldFilesListWeightsAmongTheInputs) {
    ModelMaker maker;
    maker.input("x", {1, 4}).input("w", {4}).floats("w", {4}, {1, 1, 1, 1});
    maker.node("Add", {"x", "w"}, {"y"}).output("y");
    EXPECT_EQ(parse(maker).inputs().size(), 1U);
    EXPECT_EQ(run(maker, {kFour}), Floats({1, 4}, {2, 3, 4, 5}));
}

// Numbers of the published definitions, computed with six decimals elsewhere.
TEST(Reader, ActivationsOfNewerOpsets) {
    for (const auto& [op, approximate, expected] :
         std::vector<std::tuple<std::string, std::string, std::vector<float>>>{
             {"Gelu", "none", {0.841345F, 1.954500F, 2.995950F, 3.999873F}},
             {"Gelu", "tanh", {0.841192F, 1.954598F, 2.996363F, 3.999930F}},
             {"Mish", "", {0.865098F, 1.943959F, 2.986535F, 3.997413F}}}) {
        ModelMaker maker;
        maker.input("x", {1, 4}).node(op, {"x"}, {"y"});
        if (!approximate.empty()) {
            auto* attribute = maker.graph().mutable_node(0)->add_attribute();
            attribute->set_name("approximate");
            attribute->set_type(::onnx::AttributeProto::STRING);
            attribute->set_s(approximate);
        }
        maker.output("y");
        const auto result = run(maker, {kFour});
        for (std::size_t i = 0; i < 4; ++i) {
            EXPECT_NEAR(result[static_cast<std::int64_t>(i)], expected[i], 2e-6F) << op << approximate;
        }
    }
}

TEST(Reader, IntegerInputsKeepTheirRange) {
    ModelMaker maker;
    maker.input("x", {1, 4}, Proto::UINT8).node("Cast", {"x"}, {"y"}).attribute("to", std::int64_t{Proto::FLOAT});
    maker.output("y");
    const ir::Graph graph = parse(maker);
    EXPECT_EQ(graph.tensor(graph.inputs()[0]).type, ir::ElementType::kInt64);
    EXPECT_EQ(graph.tensor(graph.inputs()[0]).annotation, (IntType{8, false}));
}

TEST(Reader, QuantisationAnnotations) {
    ModelMaker maker;
    maker.input("x", {1, 4}).node("Relu", {"x"}, {"y"}).output("y");
    for (const auto& [tensor, type] : std::vector<std::pair<std::string, std::string>>{
             {"x", "INT4"}, {"y", "BIPOLAR"}, {"gone", "UINT8"}}) {
        auto* annotation = maker.graph().add_quantization_annotation();
        annotation->set_tensor_name(tensor);
        auto* entry = annotation->add_quant_parameter_tensor_names();
        entry->set_key("finn_datatype");
        entry->set_value(type);
    }
    const ir::Graph graph = parse(maker);
    EXPECT_EQ(graph.tensor(graph.find_tensor("x")).annotation, (IntType{4, true}));
    EXPECT_EQ(graph.tensor(graph.find_tensor("y")).annotation, (IntType{2, true, true}));
}

TEST(Reader, DataOfEveryTypeRawAndTyped) {
    struct Case {
        std::int32_t type;
        std::string raw;
        ir::Value expected;
    };
    const std::vector<Case> cases{
        {Proto::FLOAT, std::string("\0\0\x80\x3f\0\0\0\xc0", 8), Floats({2}, {1, -2})},
        {Proto::DOUBLE, std::string("\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0", 16), Floats({2}, {1, -2})},
        {Proto::FLOAT16, std::string("\0\x3c\0\xc0", 4), Floats({2}, {1, -2})},
        {Proto::BFLOAT16, std::string("\x80\x3f\0\xc0", 4), Floats({2}, {1, -2})},
        {Proto::INT8, std::string("\x01\xfe", 2), Ints({2}, {1, -2})},
        {Proto::UINT8, std::string("\x01\xfe", 2), Ints({2}, {1, 254})},
        {Proto::INT16, std::string("\x01\0\xfe\xff", 4), Ints({2}, {1, -2})},
        {Proto::UINT16, std::string("\x01\0\xfe\xff", 4), Ints({2}, {1, 65534})},
        {Proto::INT32, std::string("\x01\0\0\0\xfe\xff\xff\xff", 8), Ints({2}, {1, -2})},
        {Proto::UINT32, std::string("\x01\0\0\0\xfe\xff\xff\xff", 8), Ints({2}, {1, 4294967294})},
        {Proto::INT64, std::string("\x01\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff", 16), Ints({2}, {1, -2})},
        {Proto::BOOL, std::string("\x01\0", 2), Ints({2}, {1, 0})},
    };
    for (const Case& c : cases) {
        ModelMaker maker;
        maker.input("x", {1, 2});
        maker.initialiser("c", {2}, c.type).set_raw_data(c.raw);
        maker.node("Add", {"x", "c"}, {"y"}).output("y");
        const ir::Graph graph = parse(maker);
        EXPECT_EQ(graph.tensor(graph.find_tensor("c")).constant, c.expected) << c.type;
    }
    ModelMaker typed;
    typed.input("x", {1, 2});
    auto& bytes = typed.initialiser("c", {2}, Proto::INT8);
    bytes.add_int32_data(1);
    bytes.add_int32_data(-2);
    typed.node("Add", {"x", "c"}, {"y"}).output("y");
    const ir::Graph graph = parse(typed);
    EXPECT_EQ(graph.tensor(graph.find_tensor("c")).constant, ir::Value(Ints({2}, {1, -2})));
}

TEST(Reader, ConstantNodesOfEveryKind) {
    ModelMaker maker;
    maker.input("x", {1, 2});
    maker.node("Constant", {}, {"a"}).attribute("value_float", 2.0F);
    maker.node("Constant", {}, {"b"}).attribute("value_floats", std::vector<float>{1, 2});
    maker.node("Constant", {}, {"c"}).attribute("value_int", std::int64_t{3});
    maker.node("Constant", {}, {"d"}).attribute("value_ints", std::vector<std::int64_t>{4, 5});
    auto& tensor = maker.node("Constant", {}, {"e"}).tensor_attribute("value");
    tensor.set_data_type(Proto::FLOAT);
    tensor.add_float_data(6);
    maker.node("Sum", {"x", "a", "b", "c", "d", "e"}, {"y"}).output("y");
    EXPECT_EQ(run(maker, {Floats({1, 2}, {0, 100})}), Floats({1, 2}, {16, 118}));
}

// The same meaning in the spelling of an old opset (attributes) and a new one (inputs).
TEST(Reader, AttributesOfOldOpsetsBecomeInputs) {
    {
        ModelMaker old(9);
        old.input("x", {1, 4}).node("Clip", {"x"}, {"y"}).attribute("min", 2.0F).attribute("max", 3.0F).output("y");
        EXPECT_EQ(run(old, {kFour}), Floats({1, 4}, {2, 2, 3, 3}));
        ModelMaker half(9);
        half.input("x", {1, 4}).node("Clip", {"x"}, {"y"}).attribute("max", 3.0F).output("y");
        EXPECT_EQ(run(half, {kFour}), Floats({1, 4}, {1, 2, 3, 3}));
    }
    {
        ModelMaker old(9);
        old.input("x", {1, 4}).node("Unsqueeze", {"x"}, {"t"}).attribute("axes", std::vector<std::int64_t>{1});
        old.node("Squeeze", {"t"}, {"y"}).attribute("axes", std::vector<std::int64_t>{1}).output("y");
        EXPECT_EQ(run(old, {kFour}), kFour);
    }
    {
        ModelMaker old(9);
        old.input("x", {1, 4}).node("Slice", {"x"}, {"y"}).attribute("starts", std::vector<std::int64_t>{1});
        old.attribute("ends", std::vector<std::int64_t>{3}).attribute("axes", std::vector<std::int64_t>{1}).output("y");
        EXPECT_EQ(run(old, {kFour}), Floats({1, 2}, {2, 3}));
    }
    {
        ModelMaker old(9);
        old.input("x", {1, 2}).node("Pad", {"x"}, {"y"}).attribute("pads", std::vector<std::int64_t>{0, 1, 0, 0});
        old.attribute("value", 7.0F).output("y");
        EXPECT_EQ(run(old, {Floats({1, 2}, {1, 2})}), Floats({1, 3}, {7, 1, 2}));
    }
    {
        ModelMaker old(11);
        old.input("x", {1, 4}).node("ReduceMean", {"x"}, {"y"}).attribute("axes", std::vector<std::int64_t>{1});
        old.attribute("keepdims", std::int64_t{0}).output("y");
        EXPECT_EQ(run(old, {kFour}), Floats({1}, {2.5F}));
        ModelMaker noop(18);
        noop.input("x", {1, 4}).node("ReduceMax", {"x"}, {"y"});
        noop.attribute("noop_with_empty_axes", std::int64_t{1}).output("y");
        EXPECT_EQ(run(noop, {kFour}), kFour);
    }
    {
        ModelMaker old(9);
        old.input("x", {1, 4}).node("TopK", {"x"}, {"y", "i"}).attribute("k", std::int64_t{2}).output("y");
        EXPECT_EQ(run(old, {kFour}), Floats({1, 2}, {4, 3}));
    }
    {
        ModelMaker old(9);
        old.input("x", {1, 4}).node("Split", {"x"}, {"a", "b"}).attribute("axis", std::int64_t{1});
        old.attribute("split", std::vector<std::int64_t>{1, 3}).output("b");
        EXPECT_EQ(run(old, {kFour}), Floats({1, 3}, {2, 3, 4}));
    }
    for (const bool by_attribute : {true, false}) {
        ModelMaker old(by_attribute ? 7 : 9);
        old.input("x", {1, 1, 1, 2}).floats("scales", {4}, {1, 1, 2, 2});
        if (by_attribute) {
            old.node("Upsample", {"x"}, {"y"}).attribute("scales", std::vector<float>{1, 1, 2, 2});
        } else {
            old.node("Upsample", {"x", "scales"}, {"y"});
        }
        old.attribute("mode", "nearest").output("y");
        EXPECT_EQ(run(old, {Floats({1, 1, 1, 2}, {1, 2})}), Floats({1, 1, 2, 4}, {1, 1, 2, 2, 1, 1, 2, 2}));
    }
    {
        ModelMaker old(10);
        old.input("x", {1, 1, 1, 2}).floats("scales", {4}, {1, 1, 1, 2});
        old.node("Resize", {"x", "scales"}, {"y"}).output("y");
        EXPECT_EQ(run(old, {Floats({1, 1, 1, 2}, {1, 2})}), Floats({1, 1, 1, 4}, {1, 1, 2, 2}));
    }
}

TEST(Reader, SoftmaxOfOldOpsetsSpansAllAxesFromItsOwn) {
    ModelMaker old(11);
    old.input("x", {1, 2, 2}).node("Softmax", {"x"}, {"y"}).attribute("axis", std::int64_t{1}).output("y");
    EXPECT_EQ(run(old, {Floats({1, 2, 2}, 0.0F)}), Floats({1, 2, 2}, 0.25F));
    ModelMaker now(13);
    now.input("x", {1, 2, 2}).node("Softmax", {"x"}, {"y"}).attribute("axis", std::int64_t{1}).output("y");
    EXPECT_EQ(run(now, {Floats({1, 2, 2}, 0.0F)}), Floats({1, 2, 2}, 0.5F));
}

TEST(Reader, ManyInputsBecomeChains) {
    ModelMaker maker;
    maker.input("x", {1, 4}).floats("a", {}, {2}).floats("b", {}, {6});
    maker.node("Max", {"x", "a"}, {"m"}).node("Min", {"m", "b", "a", "x"}, {"n"}).node("Mean", {"n", "a", "b"}, {"y"});
    maker.output("y");
    EXPECT_EQ(run(maker, {kFour}), Floats({1, 4}, {3, 10.0F / 3, 10.0F / 3, 10.0F / 3}));
    ModelMaker one;
    one.input("x", {1, 4}).node("Sum", {"x"}, {"y"}).output("y");
    EXPECT_EQ(run(one, {kFour}), kFour);
}

TEST(Reader, DropoutKeepsItsDataOnly) {
    ModelMaker maker;
    maker.input("x", {1, 4}).floats("ratio", {}, {0.5F});
    maker.node("Dropout", {"x", "ratio"}, {"y", "mask"}).output("y");
    EXPECT_EQ(run(maker, {kFour}), kFour);
}

TEST(Reader, ShapeWithStartAndEnd) {
    ModelMaker maker(15);
    maker.input("x", {1, 4}).node("Shape", {"x"}, {"s"}).attribute("start", std::int64_t{1});
    maker.node("Cast", {"s"}, {"f"}).attribute("to", std::int64_t{Proto::FLOAT});
    maker.node("Add", {"x", "f"}, {"y"}).output("y");
    EXPECT_EQ(run(maker, {kFour}), Floats({1, 4}, {5, 6, 7, 8}));
}

TEST(Reader, QuantisersOfTheQonnxDomains) {
    for (const char* domain : {kQonnx, "onnx.brevitas", "finn.custom_op.general"}) {
        for (const char* op : {"Quant", "IntQuant"}) {
            ModelMaker maker;
            maker.input("x", {1, 4}).floats("s", {}, {1}).floats("z", {}, {0}).floats("b", {}, {3});
            maker.node(op, {"x", "s", "z", "b"}, {"y"}, domain).attribute("signed", std::int64_t{0});
            maker.attribute("narrow", std::int64_t{1}).attribute("rounding_mode", "floor").output("y");
            EXPECT_EQ(only<ir::Quant>(maker),
                      (ir::Quant{.is_signed = false, .narrow = true, .rounding = RoundingMode::kFloor}));
        }
    }
    ModelMaker trunc;
    trunc.input("x", {1, 4});
    for (const char* name : {"s", "z", "i", "o", "q"}) {
        trunc.floats(name, {}, {1});
    }
    trunc.node("Trunc", {"x", "s", "z", "i", "o"}, {"t"}, kQonnx);
    trunc.node("Trunc", {"t", "s", "z", "i", "q", "o"}, {"y"}, kQonnx).attribute("rounding_mode", "CEIL");
    trunc.attribute("signed", std::int64_t{0}).output("y");
    const ir::Graph graph = parse(trunc);
    EXPECT_EQ(std::get<ir::Trunc>(graph.nodes()[0].op), (ir::Trunc{.version = 1}));
    EXPECT_EQ(std::get<ir::Trunc>(graph.nodes()[1].op),
              (ir::Trunc{.version = 2, .is_signed = false, .rounding = RoundingMode::kCeil}));
}

TEST(Reader, FinnOperators) {
    ModelMaker maker;
    maker.input("x", {1, 4}).floats("t", {1, 1}, {2});
    maker.node("MultiThreshold", {"x", "t"}, {"y"}, kQonnx).attribute("out_dtype", "BIPOLAR");
    maker.attribute("out_scale", 2.0F).attribute("out_bias", -1.0F).attribute("data_layout", "NHWC").output("y");
    EXPECT_EQ(only<ir::MultiThreshold>(maker),
              (ir::MultiThreshold{.out_scale = 2, .out_bias = -1, .out_datatype = "BIPOLAR", .channels_last = true}));
    ModelMaker pool;
    pool.input("x", {1, 2, 2, 1}).node("QuantAvgPool2d", {"x"}, {"y"}, kQonnx).attribute("kernel", std::int64_t{2});
    pool.attribute("stride", std::int64_t{2}).attribute("ibits", std::int64_t{4}).attribute("obits", std::int64_t{4});
    pool.attribute("signed", std::int64_t{1}).attribute("data_layout", "NHWC").output("y");
    EXPECT_EQ(only<ir::QuantAvgPool2d>(pool),
              (ir::QuantAvgPool2d{.stride = 2, .kernel = 2, .input_bits = 4, .output_bits = 4, .is_signed = true,
                                  .channels_last = true}));
    ModelMaker im2col;
    im2col.input("x", {1, 3, 3, 1}).node("Im2Col", {"x"}, {"y"}, kQonnx);
    im2col.attribute("kernel_size", std::vector<std::int64_t>{3, 3}).attribute("stride", std::vector<std::int64_t>{1, 1});
    im2col.attribute("pad_amount", std::vector<std::int64_t>{1, 0, 1, 0}).attribute("pad_value", std::int64_t{-1});
    im2col.output("y");
    const auto op = only<ir::Im2Col>(im2col);
    EXPECT_EQ(op.window.pads, (Shape{1, 0, 1, 0}));
    EXPECT_EQ(op.pad_value, -1.0F);
    ModelMaker nhwc;
    nhwc.input("x", {1, 4, 4, 1}).node("MaxPoolNHWC", {"x"}, {"y"}, kQonnx);
    nhwc.attribute("kernel_shape", std::vector<std::int64_t>{2, 2}).output("y");
    EXPECT_TRUE(only<ir::MaxPool>(nhwc).channels_last);
}

TEST(Reader, ChannelsLastOperators) {
    constexpr const char* kLast = "qonnx.custom_op.channels_last";
    // weights (M, KH, KW, C) = (1, 1, 2, 2): pixel (a, b) and its right neighbour (c, d)
    ModelMaker maker;
    maker.input("x", {1, 1, 2, 2}).floats("w", {1, 1, 2, 2}, {1, 10, 100, 1000});
    maker.node("Conv", {"x", "w"}, {"y"}, kLast).attribute("kernel_shape", std::vector<std::int64_t>{1, 2}).output("y");
    EXPECT_EQ(run(maker, {Floats({1, 1, 2, 2}, {1, 2, 3, 4})}), Floats({1, 1, 1, 1}, {4321}));
    ModelMaker pool;
    pool.input("x", {1, 2, 1, 2}).node("AveragePool", {"x"}, {"y"}, kLast);
    pool.attribute("kernel_shape", std::vector<std::int64_t>{2, 1}).output("y");
    EXPECT_EQ(run(pool, {Floats({1, 2, 1, 2}, {1, 2, 3, 6})}), Floats({1, 1, 1, 2}, {2, 4}));
}

TEST(Reader, QuantizeLinearTakesItsTypeFromTheZeroPoint) {
    ModelMaker maker(13);
    maker.input("x", {1, 4}).floats("s", {}, {0.5F});
    maker.initialiser("z", {}, Proto::INT8).add_int32_data(0);
    maker.node("QuantizeLinear", {"x", "s", "z"}, {"q"}).node("DequantizeLinear", {"q", "s", "z"}, {"y"}).output("y");
    const ir::Graph graph = parse(maker);
    EXPECT_EQ(std::get<ir::QuantizeLinear>(graph.nodes()[0].op).type, (IntType{8, true}));
    EXPECT_EQ(run(maker, {Floats({1, 4}, {-100, 0.2F, 0.3F, 100})}), Floats({1, 4}, {-64, 0, 0.5F, 63.5F}));
    ModelMaker plain(13);
    plain.input("x", {1, 4}).floats("s", {}, {1}).node("QuantizeLinear", {"x", "s"}, {"y"}).output("y");
    EXPECT_EQ(only<ir::QuantizeLinear>(plain).type, (IntType{8, false}));
}

}  // namespace
}  // namespace qloom::onnx
