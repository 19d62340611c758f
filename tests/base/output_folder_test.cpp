#include "base/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/diagnostic.h"

namespace qloom {
namespace {
namespace fs = std::filesystem;

class OutputFolderTest : public ::testing::Test {
protected:
    void SetUp() override {
        root_ = fs::path(::testing::TempDir()) / ("output_folder_" + std::to_string(::getpid()));
        fs::remove_all(root_);
        fs::create_directories(root_);
    }
    void TearDown() override { fs::remove_all(root_); }

    static std::string read(const fs::path& path) {
        std::ifstream stream(path);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    [[nodiscard]] std::size_t entries() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(root_), fs::directory_iterator()));
    }
    template <class F>
    static std::string error_of(F&& action) {
        try {
            action();
        } catch (const Error& error) {
            return error.what();
        }
        return "no error";
    }

    fs::path root_;
};

TEST_F(OutputFolderTest, AppearsWholeOnCommit) {
    OutputFolder folder(root_ / "a" / "out/");
    folder.write("rtl/top.sv", "module\n");
    EXPECT_FALSE(fs::exists(root_ / "a" / "out"));
    folder.commit();
    EXPECT_EQ(read(root_ / "a" / "out" / "rtl" / "top.sv"), "module\n");
    EXPECT_TRUE(is_output_folder(root_ / "a" / "out"));
    EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "a"), fs::directory_iterator()), 1);
}

TEST_F(OutputFolderTest, LeavesNothingWithoutCommit) {
    {
        OutputFolder folder(root_ / "out");
        folder.write("x", "1");
    }
    EXPECT_EQ(entries(), 0U);
}

TEST_F(OutputFolderTest, KeepsTheOlderFolderWithoutCommit) {
    {
        OutputFolder folder(root_ / "out");
        folder.write("x", "old");
        folder.commit();
    }
    {
        OutputFolder folder(root_ / "out");
        folder.write("x", "new");
    }
    EXPECT_EQ(read(root_ / "out" / "x"), "old");
    EXPECT_EQ(entries(), 1U);
}

TEST_F(OutputFolderTest, ReplacesItsOwnFolderAndKeepsTheNamedCaches) {
    {
        OutputFolder folder(root_ / "out");
        folder.write("x", "old");
        folder.write("stale", "old");
        folder.write("cache/model", "built");
        folder.commit();
    }
    OutputFolder folder(root_ / "out", {"cache"});
    folder.write("x", "new");
    folder.commit();
    EXPECT_EQ(read(root_ / "out" / "x"), "new");
    EXPECT_EQ(read(root_ / "out" / "cache" / "model"), "built");
    EXPECT_FALSE(fs::exists(root_ / "out" / "stale"));
    EXPECT_EQ(entries(), 1U);
}

TEST_F(OutputFolderTest, TakesAnEmptyFolder) {
    fs::create_directory(root_ / "out");
    OutputFolder folder(root_ / "out");
    folder.write("x", "new");
    folder.commit();
    EXPECT_EQ(read(root_ / "out" / "x"), "new");
}

TEST_F(OutputFolderTest, RefusesAFolderOfSomebodyElse) {
    fs::create_directory(root_ / "home");
    std::ofstream(root_ / "home" / "thesis.tex") << "work";
    EXPECT_EQ(error_of([&] { OutputFolder folder(root_ / "home"); }),
              "Q0020: " + (root_ / "home").string() +
                  ": exists and was not made by qloom, so it is not replaced; choose another "
                  "output folder, or remove "
                  "this one yourself");
    EXPECT_EQ(read(root_ / "home" / "thesis.tex"), "work");
    std::ofstream(root_ / "file") << "work";
    EXPECT_EQ(error_of([&] { OutputFolder folder(root_ / "file"); }),
              "Q0020: " + (root_ / "file").string() +
                  ": exists and is not a folder; choose another output folder, or remove it");
}

TEST_F(OutputFolderTest, SaysWhatCannotBeWritten) {
    // A parent that is a file cannot hold a folder, whoever runs the test.
    std::ofstream(root_ / "file") << "work";
    EXPECT_THAT(error_of([&] { OutputFolder folder(root_ / "file" / "out"); }),
                ::testing::MatchesRegex(
                    "Q0021: " + (root_ / "file" / "out").string() +
                    ": cannot be written \\(.*\\); choose an output folder you may write to, on a "
                    "disk with room"));
    OutputFolder folder(root_ / "out");
    folder.write("x", "1");
    EXPECT_THAT(error_of([&] { folder.write("x/y", "1"); }), ::testing::HasSubstr("Q0021: "));
}

}  // namespace
}  // namespace qloom
