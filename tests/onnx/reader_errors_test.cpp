// Every way a file can be wrong, with the exact message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/diagnostic.h"
#include "ir/tidy.h"
#include "model_maker.h"
#include "onnx/reader.h"
#include "onnx/writer.h"

namespace qloom::onnx {
namespace {

using Proto = ::onnx::TensorProto;
constexpr const char* kAgain = "; export the model again; the file does not follow the operator's definition";

std::string refusal(const std::string& bytes) {
    try {
        ir::tidy(parse_model(bytes, "m.onnx"));
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}
std::string refusal(const ModelMaker& maker) { return refusal(maker.bytes()); }

std::string refusal_of_file(const std::filesystem::path& path) {
    try {
        read_model(path);
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

ModelMaker relu() {
    ModelMaker maker;
    maker.input("x", {1, 4}).node("Relu", {"x"}, {"y"}).output("y");
    return maker;
}

TEST(ReaderErrors, FilesThatCannotBeRead) {
    const auto folder = std::filesystem::temp_directory_path() / "qloom_reader_errors";
    std::filesystem::create_directories(folder);
    EXPECT_EQ(refusal_of_file(folder / "none.onnx"),
              "Q0100: " + (folder / "none.onnx").string() + ": there is no such file; name an existing ONNX file");
    EXPECT_EQ(refusal_of_file(folder), "Q0100: " + folder.string() + ": this is a folder; name an ONNX file");
    EXPECT_EQ(refusal_of_file("/dev/zero"), "Q0100: /dev/zero: this is not a regular file; name an ONNX file");
    std::ofstream(folder / "empty.onnx").close();
    EXPECT_EQ(refusal_of_file(folder / "empty.onnx"), "Q0101: " + (folder / "empty.onnx").string() +
                                                          ": the file is empty; give an ONNX file with a whole model");
    std::ofstream(folder / "good.onnx", std::ios::binary) << relu().bytes();
    EXPECT_EQ(refusal_of_file(folder / "good.onnx"), "no error");
    std::filesystem::remove_all(folder);
}

TEST(ReaderErrors, FilesThatAreNoModels) {
    const std::string end = "; give an ONNX file with a whole model";
    EXPECT_EQ(refusal("\x89PNG\r\n\x1a\n........"),
              "Q0101: m.onnx: this is not an ONNX model: this looks like a PNG image" + end);
    EXPECT_EQ(refusal("PK\x03\x04 archive"),
              "Q0101: m.onnx: this is not an ONNX model: this looks like a zip archive (a PyTorch checkpoint or .npz?)" +
                  end);
    EXPECT_EQ(refusal("{\"format\": 1}"), "Q0101: m.onnx: this is not an ONNX model: this looks like a JSON text" + end);
    EXPECT_EQ(refusal("version https://git-lfs.github.com/spec/v1\n"),
              "Q0101: m.onnx: this is not an ONNX model: this looks like a Git LFS pointer; fetch the file itself with "
              "'git lfs pull'" +
                  end);
    EXPECT_EQ(refusal("just words\n"), "Q0101: m.onnx: this is not an ONNX model: this looks like a text" + end);
    const std::string good = relu().bytes();
    EXPECT_EQ(refusal(good.substr(0, good.size() - 9)),
              "Q0101: m.onnx: this is not an ONNX model, or a truncated or damaged one: its structure ends early" + end);
    ::onnx::ModelProto no_graph;
    no_graph.set_ir_version(8);
    EXPECT_EQ(refusal(no_graph.SerializeAsString()),
              "Q0101: m.onnx: this is not an ONNX model: it holds no graph" + end);
    EXPECT_EQ(refusal(ModelMaker().input("x", {1}).output("x")), "Q0101: m.onnx: the model has no operators" + end);
}

TEST(ReaderErrors, UnknownOperators) {
    ModelMaker maker;
    maker.input("x", {1, 4}).node("Reluu", {"x"}, {"y"}).output("y");
    EXPECT_EQ(refusal(maker),
              "Q0102: node theReluu (Reluu): the operator 'Reluu' is not known; did you mean 'Relu'?");
    ModelMaker far;
    far.input("x", {1, 4}).node("NonMaxSuppression", {"x"}, {"y"}).output("y");
    EXPECT_EQ(refusal(far), "Q0102: node theNonMaxSuppression (NonMaxSuppression): the operator 'NonMaxSuppression' is "
                            "not known; replace it in the model by operators of the list in docs/operators.md");
    ModelMaker domain;
    domain.input("x", {1, 4}).node("Relu", {"x"}, {"y"}, "com.example").output("y");
    EXPECT_EQ(refusal(domain),
              "Q0102: node theRelu (Relu): operators of the domain 'com.example' are not known; known domains: the "
              "standard one, qonnx.custom_op.general, qonnx.custom_op.channels_last, onnx.brevitas, "
              "finn.custom_op.general");
    ModelMaker quant;
    quant.input("x", {1, 4}).node("Quantt", {"x"}, {"y"}, "qonnx.custom_op.general").output("y");
    EXPECT_EQ(refusal(quant), "Q0102: node theQuantt (Quantt): the operator 'Quantt' of the domain "
                              "'qonnx.custom_op.general' is not known; did you mean 'Quant'?");
}

TEST(ReaderErrors, UnsupportedUses) {
    ModelMaker pool;
    pool.input("x", {1, 1, 4}).node("MaxPool", {"x"}, {"p", "i"}).attribute("kernel_shape", std::vector<std::int64_t>{2});
    pool.output("p").output("i");
    EXPECT_EQ(refusal(pool),
              "Q0103: node theMaxPool (MaxPool): its output 1 (indices) is used; remove what reads it");
    ModelMaker pad;
    pad.input("x", {1, 4}).integers("p", {0, 1}).integers("a", {1}).node("Pad", {"x", "p", "", "a"}, {"y"}).output("y");
    EXPECT_EQ(refusal(pad),
              "Q0103: node thePad (Pad): it names the axes to pad; export the model with pads for all axes");
}

TEST(ReaderErrors, DataElsewhereOrOfTheWrongSize) {
    ModelMaker external = relu();
    external.initialiser("w", {4}).set_data_location(Proto::EXTERNAL);
    EXPECT_EQ(refusal(external),
              "Q0104: initialiser w: its data lie in another file; save the model with all its weights in one file");
    const std::string end = "; the file is damaged or was cut off: export or download it again";
    ModelMaker shorter = relu();
    shorter.initialiser("w", {4}).set_raw_data("12345678");
    EXPECT_EQ(refusal(shorter), "Q0108: initialiser w: it announces the shape [4] but holds 8 bytes" + end);
    ModelMaker huge = relu();
    huge.initialiser("w", {100000, 100000}).set_raw_data("1234");
    EXPECT_EQ(refusal(huge), "Q0108: initialiser w: it announces the shape [100000, 100000] but holds 4 bytes" + end);
    ModelMaker absurd = relu();
    absurd.initialiser("w", {4611686018427387904, 4}).add_float_data(1);
    EXPECT_EQ(refusal(absurd), "Q0108: initialiser w: it announces the shape [4611686018427387904, 4]" + end);
    ModelMaker negative = relu();
    negative.initialiser("w", {-4}).add_float_data(1);
    EXPECT_EQ(refusal(negative), "Q0108: initialiser w: it announces the shape [-4]" + end);
    ModelMaker typed = relu();
    typed.floats("w", {3}, {1, 2});
    EXPECT_EQ(refusal(typed), "Q0108: initialiser w: it announces the shape [3] but holds 2 values" + end);
}

TEST(ReaderErrors, OpenShapes) {
    const std::string end = "; export the model with fixed input shapes (only the frame axis may be open)";
    ModelMaker maker;
    maker.input("image", {-1, 3, -1, 4}).node("Relu", {"image"}, {"y"}).output("y");
    EXPECT_EQ(refusal(maker), "Q0105: input image: axis 2 is open ('N')" + end);
    ModelMaker zero;
    zero.input("image", {1, 0}).node("Relu", {"image"}, {"y"}).output("y");
    EXPECT_EQ(refusal(zero), "Q0105: input image: axis 1 has size 0" + end);
    ModelMaker none = relu();
    none.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    EXPECT_EQ(refusal(none), "Q0105: input x: its shape is not given" + end);
    ModelMaker large;
    large.input("image", {1, 100000, 100000}).node("Relu", {"image"}, {"y"}).output("y");
    EXPECT_EQ(refusal(large),
              "Q0105: input image: its shape is [1, 100000, 100000]; export the model with a size that fits into memory");
}

TEST(ReaderErrors, TensorsNobodyMakes) {
    ModelMaker maker;
    maker.input("global_in", {1, 4}).node("Relu", {"globl_in"}, {"y"}).output("y");
    EXPECT_EQ(refusal(maker), "Q0106: node theRelu (Relu): it reads 'globl_in', which nothing makes; export the model "
                              "again (the nearest name is 'global_in')");
    EXPECT_EQ(refusal(relu().output("z")), "Q0106: output z: nothing makes it; export the model again");
    ModelMaker none;
    none.input("x", {1, 4}).node("Relu", {"x"}, {"y"});
    EXPECT_EQ(refusal(none), "Q0106: m.onnx: the model has no outputs; export the model again");
}

TEST(ReaderErrors, CyclesAndDuplicates) {
    ModelMaker cycle;
    cycle.input("x", {1, 4}).node("Add", {"x", "b"}, {"a"}).node("Relu", {"a"}, {"b"}).output("b");
    EXPECT_EQ(refusal(cycle), "Q0200: node theAdd: the node needs its own result: the graph has a cycle through it; "
                              "unroll the loop; a recurrent model cannot be compiled");
    ModelMaker twice;
    twice.input("x", {1, 4}).node("Relu", {"x"}, {"y"}).node("Tanh", {"x"}, {"y"}).output("y");
    EXPECT_EQ(refusal(twice), "Q0107: node theTanh (Tanh): it makes 'y', which the model has already; export the model "
                              "again; every tensor has one maker");
    ModelMaker initialisers = relu();
    initialisers.floats("w", {}, {1}).floats("w", {}, {1});
    EXPECT_EQ(refusal(initialisers),
              "Q0107: initialiser w: two tensors of the model have this name; export the model again");
    ModelMaker attributes = relu();
    attributes.attribute("a", std::int64_t{1}).attribute("a", std::int64_t{2});
    EXPECT_EQ(refusal(attributes), "Q0107: node theRelu (Relu): it has two attributes 'a'; export the model again");
}

TEST(ReaderErrors, AttributesOfTheWrongKind) {
    ModelMaker maker;
    maker.input("x", {1, 4}).node("Flatten", {"x"}, {"y"}).attribute("axis", "one").output("y");
    EXPECT_EQ(refusal(maker),
              std::string("Q0109: node theFlatten (Flatten): attribute 'axis' is STRING, it must be INT") + kAgain);
    ModelMaker constant;
    constant.input("x", {1, 4}).node("Constant", {}, {"c"}).attribute("value_string", "x");
    constant.node("Add", {"x", "c"}, {"y"}).output("y");
    EXPECT_EQ(refusal(constant), "Q0109: node theConstant (Constant): its attribute 'value_string' is no tensor of "
                                 "numbers; use a dense tensor of floats, integers or bools");
    ModelMaker mode;
    mode.input("x", {1, 4}).node("Quant", {"x", "x", "x", "x"}, {"y"}, "onnx.brevitas");
    mode.attribute("rounding_mode", "NEAREST").output("y");
    EXPECT_EQ(refusal(mode), "Q0112: node theQuant (Quant): its rounding mode is 'NEAREST'; use ROUND, HALF_EVEN, CEIL, "
                             "FLOOR, UP, DOWN, HALF_UP, HALF_DOWN or ROUND_TO_ZERO");
    ModelMaker layout;
    layout.input("x", {1, 4}).floats("t", {1, 1}, {0});
    layout.node("MultiThreshold", {"x", "t"}, {"y"}, "finn.custom_op.general").attribute("data_layout", "CHWN");
    EXPECT_EQ(refusal(layout.output("y")),
              "Q0112: node theMultiThreshold (MultiThreshold): its data layout is 'CHWN'; use NCHW, NHWC or NC");
}

TEST(ReaderErrors, TypesAndOpsets) {
    ModelMaker text;
    text.input("x", {1, 4}, Proto::STRING).node("Relu", {"x"}, {"y"}).output("y");
    EXPECT_EQ(refusal(text), "Q0110: input x: its element type is STRING; use floats, integers or bools");
    ModelMaker number;
    number.input("x", {1, 4}, 99).node("Relu", {"x"}, {"y"}).output("y");
    EXPECT_EQ(refusal(number), "Q0110: input x: its element type is number 99; use floats, integers or bools");
    ModelMaker old(6);
    old.input("x", {1, 4}).node("Relu", {"x"}, {"y"}).output("y");
    EXPECT_EQ(refusal(old), "Q0111: m.onnx: the model uses opset 6; export it with an opset from 7 to 21");
}

TEST(ReaderErrors, CountsShapesAndQuantisers) {
    ModelMaker few;
    few.input("x", {1, 4}).floats("s", {}, {1}).node("Quant", {"x", "s", "s"}, {"y"}, "onnx.brevitas").output("y");
    EXPECT_EQ(refusal(few), std::string("Q0207: node theQuant (Quant): has 3 inputs, the operator takes 4") + kAgain);
    ModelMaker shapes;
    shapes.input("x", {1, 784}).floats("w", {64, 784}, std::vector<float>(64 * 784));
    shapes.node("MatMul", {"x", "w"}, {"y"}).output("y");
    EXPECT_EQ(refusal(shapes), "Q0201: node theMatMul (MatMul): its operands have shapes [1, 784] and [64, 784], which "
                               "do not multiply; the last axis of the first must equal the last but one of the second");
    ModelMaker scale;
    scale.input("x", {1, 4}).floats("s", {}, {0}).floats("z", {}, {0}).floats("b", {}, {4});
    scale.node("Quant", {"x", "s", "z", "b"}, {"y"}, "onnx.brevitas").output("y");
    EXPECT_EQ(refusal(scale), "Q0204: node theQuant (Quant): its scale is 0; a scale must be a positive finite number; "
                              "check the quantiser's statistics in training");
}

// What people's convolutions get wrong.
TEST(ReaderErrors, Convolutions) {
    ModelMaker groups;
    groups.input("x", {1, 6, 8, 8}).floats("w", {8, 2, 3, 3}, std::vector<float>(144));
    groups.node("Conv", {"x", "w"}, {"y"}).attribute("group", std::int64_t{4}).output("y");
    EXPECT_EQ(refusal(groups), "Q0206: node theConv (Conv): group 4 does not divide 6 input and 8 output channels; choose a "
                               "common divisor of both");
    ModelMaker large;
    large.input("x", {1, 1, 4, 4}).floats("w", {1, 1, 7, 3}, std::vector<float>(21));
    large.node("Conv", {"x", "w"}, {"y"}).attribute("pads", std::vector<std::int64_t>{1, 0, 1, 0}).output("y");
    EXPECT_EQ(refusal(large), "Q0205: node theConv (Conv): the kernel reaches over 7 values, the padded input has 6 (axis 2); use "
                              "a smaller kernel or dilation, more padding or a larger input");
    ModelMaker open;
    open.input("x", {1, 1, -1, -1}).floats("w", {1, 1, 3, 3}, std::vector<float>(9));
    open.node("Conv", {"x", "w"}, {"y"}).output("y");
    EXPECT_EQ(refusal(open), "Q0105: input x: axis 2 is open ('N'); export the model with fixed input shapes (only the frame "
                             "axis may be open)");
    ModelMaker loop;
    loop.input("x", {1, 1, 4, 4}).floats("w", {1, 1, 1, 1}, {1});
    loop.node("Add", {"x", "c"}, {"a"}).node("Conv", {"a", "w"}, {"c"}).output("c");
    EXPECT_EQ(refusal(loop), "Q0200: node theAdd: the node needs its own result: the graph has a cycle through it; unroll the "
                             "loop; a recurrent model cannot be compiled");
    ModelMaker huge;
    huge.input("x", {1, 1, 4, 4});
    huge.initialiser("w", {50000, 50000, 1, 1}).set_raw_data("1234");
    huge.node("Conv", {"x", "w"}, {"y"}).output("y");
    EXPECT_EQ(refusal(huge), "Q0108: initialiser w: it announces the shape [50000, 50000, 1, 1] but holds 4 bytes; the file is "
                             "damaged or was cut off: export or download it again");
}

TEST(WriterErrors, UnwritableFile) {
    const auto path = std::filesystem::temp_directory_path() / "qloom_no_such_folder" / "m.onnx";
    try {
        write_model(parse_model(relu().bytes(), "m.onnx"), path);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.what(), "Q0113: " + path.string() + ": cannot be written: No such file or directory; name a "
                                                            "file in a folder that exists and that you may write to");
    }
}

}  // namespace
}  // namespace qloom::onnx
