#include "base/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "base/diagnostic.h"

namespace qloom {
namespace {

TEST(Process, CapturesOutputAndExitCode) {
    const ToolResult result = run_tool({"sh", "-c", "echo out; echo err >&2; exit 3"});
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_EQ(result.output, "out\nerr\n");
}

TEST(Process, AddsToTheEnvironment) {
    EXPECT_EQ(run_tool({"sh", "-c", "echo $GREETING"}, {.environment = {{"GREETING", "hello"}}}).output, "hello\n");
}

TEST(Process, MissingToolNamesThePackage) {
    try {
        run_tool({"no-such-tool"}, {}, "some-package");
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Q0002: no-such-tool: the program is not installed; install it with: sudo apt-get install "
                     "some-package");
    }
}

TEST(Process, FailureQuotesTheLastLines) {
    try {
        check_tool({"sh", "-c", "echo broken; exit 2"});
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Q0001: sh: `sh -c echo broken; exit 2` failed with exit code 2; its last lines:\nbroken\n");
    }
}

TEST(Process, TimeoutEndsTheTool) {
    EXPECT_EQ(run_tool({"sleep", "30"}, {.timeout = std::chrono::seconds(1)}).exit_code, -1);
}

TEST(Process, OutputIsHeardAsItComes) {
    std::string heard;
    std::string when_half;  // what was heard when the tool was still busy
    const auto start = std::chrono::steady_clock::now();
    const ToolResult result = run_tool(
        {"sh", "-c", "echo one; sleep 1; echo two"},
        {.on_output = [&](std::string_view text) {
            heard += text;
            if (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(900)) {
                when_half = heard;
            }
        }});
    EXPECT_EQ(when_half, "one\n");
    EXPECT_EQ(heard, "one\ntwo\n");
    EXPECT_EQ(result.output, heard);
}

TEST(Process, CancellingEndsTheTool) {
    int asked = 0;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(run_tool({"sleep", "30"}, {.is_cancelled = [&] { return ++asked == 3; }}).exit_code, -1);
    EXPECT_EQ(asked, 3);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

// Ctrl-C reaches the caller only; the tool is ended with it.
TEST(Process, HandledSignalInterruptsTheTool) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    struct sigaction before {};
    sigaction(SIGALRM, &action, &before);
    alarm(1);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(run_tool({"sleep", "30"}).exit_code, 130);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
    sigaction(SIGALRM, &before, nullptr);
}

}  // namespace
}  // namespace qloom
