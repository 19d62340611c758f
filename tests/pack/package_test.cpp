#include "pack/package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "hw/error_of.h"
#include "hw/fold.h"
#include "hw/random_network.h"
#include "pack/packaged_network.h"

namespace qloom::pack {
namespace {

using qloom::testing::error_of;
using qloom::testing::Kind;
using qloom::testing::NetworkBuilder;
using qloom::testing::packaged_network;
using qloom::testing::PackagedNetwork;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(StreamPlan, TheNarrowestLegalWidthThatHoldsABeat) {
    hw::Accelerator accelerator;
    accelerator.inputs.resize(1);
    accelerator.inputs[0].beats = 7;
    accelerator.outputs.resize(1);
    accelerator.outputs[0].beats = 3;
    hw::Board board;
    board.memory_port_bits = 64;
    const std::map<int, int> expected{{8, 8},   {16, 16}, {24, 32}, {32, 32},
                                      {40, 64}, {64, 64}, {72, 64}, {1000, 64}};
    for (const auto& [core, dma] : expected) {
        accelerator.inputs[0].data_bits = core;
        accelerator.outputs[0].data_bits = core;
        const StreamPlan plan = plan_streams(accelerator, board);
        EXPECT_EQ(plan.input.dma_bits, dma) << core;
        EXPECT_EQ(plan.output.dma_bits, dma) << core;
        EXPECT_EQ(plan.input.has_gearbox(), core != dma) << core;
        EXPECT_EQ(plan.input_bytes, 7 * core / 8);
        EXPECT_EQ(plan.output_bytes, 3 * core / 8);
    }
    board.memory_port_bits = 128;
    EXPECT_EQ(plan_streams(accelerator, board).input.dma_bits, 128);
    EXPECT_EQ(plan_streams(accelerator, board).max_bytes(), 67108863);
}

TEST(Package, SameInputSameBytesAndNoPlaceOfThisMachine) {
    const PackagedNetwork one = packaged_network(Kind::kOdd);
    const PackagedNetwork two = packaged_network(Kind::kOdd);
    EXPECT_EQ(one.package.files, two.package.files);
    for (const emit::TextFile& file : one.package.files) {
        EXPECT_THAT(file.text, Not(HasSubstr(QLOOM_SOURCE_DIR))) << file.path;
        EXPECT_THAT(file.text, Not(HasSubstr(one.folder.string()))) << file.path;
    }
    EXPECT_TRUE(std::ranges::is_sorted(one.package.files, {}, &emit::TextFile::path));
    EXPECT_THAT(one.package.notes, ElementsAre());
    // Without what the model means by them, integers are compared, and that is said.
    EXPECT_THAT(
        make_package(one.accelerator, one.accelerator.board, one.lowered,
                     emit::generate(one.accelerator, one.network), one.samples)
            .notes,
        ElementsAre(
            "the bare-metal programs take the largest integer for the label, and the model's "
            "outputs have scales or "
            "biases of their own: compile with --postprocess argmax for the model's labels"));
    EXPECT_THAT(packaged_network(Kind::kBytes).package.notes, ElementsAre());
}

TEST(Package, WithoutAProcessorOnlyTheIp) {
    const PackagedNetwork made = packaged_network(Kind::kBytes);
    const hw::Board board = hw::parse_board(
        "part = \"xc7a35t\"\n[resources]\nluts = 20800\nffs = 41600\nbram36 = 50\ndsps = 90\n",
        "cmod.toml");
    const Package package =
        make_package(made.accelerator, board, made.lowered,
                     emit::generate(made.accelerator, made.network), made.samples);
    EXPECT_THAT(package.files, Each(Field(&emit::TextFile::path, StartsWith("ip/"))));
    EXPECT_THAT(package.notes,
                ElementsAre("only ip/ is packaged: the board cmod has no processor"));
}

TEST(Package, WithSeveralStreamsOnlyTheIp) {
    NetworkBuilder build(4);
    const auto a = build.input("a", {4}, {0, 255});
    const auto b = build.input("b", {4}, {0, 255});
    const network::Network network = build.finish({build.add({a, b}, {1, 1})});
    const hw::Accelerator accelerator =
        hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = 16});
    const Package package =
        make_package(accelerator, accelerator.board, {}, emit::generate(accelerator, network), {});
    EXPECT_THAT(package.files, Each(Field(&emit::TextFile::path, StartsWith("ip/"))));
    EXPECT_THAT(
        package.notes,
        ElementsAre(
            "only ip/ is packaged: the accelerator has 2 input and 1 output streams, and the "
            "systems around it have one DMA"));
}

TEST(Package, LargeFramesMakeFewSamples) {
    hw::Accelerator accelerator;
    accelerator.inputs.resize(1);
    accelerator.outputs.resize(1);
    accelerator.outputs[0].elements = 10;
    const std::map<std::int64_t, std::int64_t> expected{{784, 16}, {150528, 6}, {2000000, 1}};
    for (const auto& [elements, frames] : expected) {
        accelerator.inputs[0].elements = elements;
        EXPECT_EQ(made_up_sample_count(accelerator), frames) << elements;
    }
    EXPECT_EQ(error_of([&] { check_sample_count(accelerator, 17); }),
              "Q1011: samples: 17 frames are more than the 16 that a package for this network "
              "carries; take at most 16 frames; the drivers take any number at run time");
    EXPECT_EQ(error_of([&] { check_sample_count(accelerator, 16); }), "no error");
}

TEST(Package, TooBigIsRefusedByHowMuch) {
    hw::Accelerator accelerator;
    accelerator.units.resize(2);
    accelerator.units[0].cost = {.luts = 30000, .ffs = 10000, .bram36 = 10, .dsps = 0};
    accelerator.units[1].cost = {.luts = 33840, .ffs = 0, .bram36 = 200, .dsps = 0};
    const hw::Board board = hw::find_board("pynq-z1");
    EXPECT_EQ(error_of([&] { check_size(accelerator, board, "take a larger board"); }),
              "Q1010: pynq-z1: the accelerator needs 63840 LUTs of 53200 (20 % too many), 210 "
              "BRAM36 of 140 (50 % too many); "
              "take a larger board");
    EXPECT_EQ(excess(accelerator, hw::find_board("zcu102")), "");
    EXPECT_EQ(error_of([&] { check_size(accelerator, hw::find_board("zcu102"), ""); }), "no error");
}

TEST(HostView, NamesWhatItDoesNotRepeat) {
    PackagedNetwork made = packaged_network(Kind::kOdd);
    const HostView view = host_view(made.lowered);
    ASSERT_TRUE(view.input.quantiser.has_value());
    EXPECT_EQ(*view.input.quantiser,
              (HostQuantiser{.scale = 0.25F, .zero_point = 0.0F, .low = -4, .high = 3}));
    EXPECT_THAT(view.notes(), ElementsAre());
    // Another rounding is another rule, and the driver does not guess.
    ir::Graph head = made.lowered.head;
    std::get<ir::Quant>(head.node(ir::NodeId{0}).op).rounding = RoundingMode::kFloor;
    made.lowered.head = head;
    made.lowered.tail.add_node(
        {.name = "softmax", .op = ir::Softmax{}, .inputs = {}, .outputs = {}});
    const HostView partial = host_view(made.lowered);
    EXPECT_FALSE(partial.input.quantiser.has_value());
    EXPECT_THAT(
        partial.notes(),
        ElementsAre("packaged drivers take integers: Quant (quantise) come before the hardware",
                    "packaged drivers give the numbers in front of Softmax (softmax)"));
}

}  // namespace
}  // namespace qloom::pack
