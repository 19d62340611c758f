#include "train/checkpoint.h"
#include "base/codes/base.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "../data/test_files.h"
#include "base/diagnostic.h"

namespace qloom::train {
namespace {

using data::Bytes;
using data::error_text;
using data::TestFolder;

Checkpoint example() {
    Checkpoint checkpoint;
    checkpoint.fingerprint = "recipe";
    checkpoint.optimiser_steps = 42;
    checkpoint.first_moment = {1.0F, 2.0F};
    checkpoint.second_moment = {3.0F, 4.0F};
    checkpoint.state = {{"fc1.weight", Tensor<float>({1, 2}, {0.5F, -0.5F})},
                        {"none", Tensor<float>(Shape{0})}};
    checkpoint.epochs = {{.epoch = 1, .loss = 0.25, .train_accuracy = 0.5, .test_accuracy = 0.75}};
    return checkpoint;
}

std::string advice() { return "; start anew with --restart, or remove this file"; }

TEST(Checkpoint, ComesBackAsItWas) {
    const TestFolder folder("checkpoint");
    const auto path = folder.path() / "c";
    EXPECT_EQ(read_checkpoint(path, "recipe"), std::nullopt);
    write_checkpoint(path, example());
    EXPECT_EQ(read_checkpoint(path, "recipe"), example());
    EXPECT_FALSE(std::filesystem::exists(path.string() + ".new"));
    Checkpoint next = example();
    next.optimiser_steps = 43;
    write_checkpoint(path, next);  // replaces
    EXPECT_EQ(read_checkpoint(path, "recipe"), next);
}

TEST(Checkpoint, OfAnotherTraining) {
    const TestFolder folder("checkpoint_foreign");
    const auto path = folder.path() / "c";
    write_checkpoint(path, example());
    EXPECT_EQ(error_text([&] { read_checkpoint(path, "other"); }),
              "Q0821: " + path.string() +
                  ": the checkpoint a stopped run left here belongs to another training (other "
                  "recipe, epochs or seed)" +
                  advice());
}

// Every flipped byte and every cut is noticed.
TEST(Checkpoint, Damaged) {
    const TestFolder folder("checkpoint_damaged");
    const auto path = folder.path() / "c";
    write_checkpoint(path, example());
    std::ifstream stream(path, std::ios::binary);
    const Bytes good{std::istreambuf_iterator<char>(stream), {}};
    const std::string expected =
        "Q0822: " + path.string() + ": the checkpoint is damaged" + advice();
    for (std::size_t i = 0; i < good.size(); ++i) {
        Bytes bad = good;
        bad[i] ^= 0x40;
        folder.write("c", bad);
        ASSERT_EQ(error_text([&] { read_checkpoint(path, "recipe"); }), expected) << "byte " << i;
        folder.write("c", Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i)));
        ASSERT_EQ(error_text([&] { read_checkpoint(path, "recipe"); }), expected) << "cut to " << i;
    }
}

TEST(Checkpoint, CannotBeWritten) {
    EXPECT_EQ(error_text([] { write_checkpoint("/no/such/folder/c", example()); }),
              code_text(code::kOutputUnwritable) +
                  ": /no/such/folder/c: cannot be written (No such file or directory); choose "
                  "an output folder you "
                  "may write to, on a disk with room");
}

// The disk that is always full.
TEST(Checkpoint, FullDisk) {
    if (!std::filesystem::exists("/dev/full")) {
        GTEST_SKIP() << "no /dev/full here";
    }
    const TestFolder folder("checkpoint_full");
    std::filesystem::create_symlink("/dev/full", folder.path() / "c.new");
    write_checkpoint(folder.path() / "d", example());
    EXPECT_EQ(error_text([&] { write_checkpoint(folder.path() / "c", example()); }),
              code_text(code::kOutputUnwritable) + ": " + (folder.path() / "c").string() +
                  ": cannot be written (No space left on device); choose an output folder you may "
                  "write to, on a disk "
                  "with room");
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "c"));
}

}  // namespace
}  // namespace qloom::train
