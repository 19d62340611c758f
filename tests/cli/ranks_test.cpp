// Several real processes that train together on this machine.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/npy.h"
#include "program_run.h"

namespace qloom::cli {
namespace {

// A port that nobody uses at the moment.
int free_port() {
    const int file = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(file, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(file, reinterpret_cast<sockaddr*>(&address), &size), 0);
    ::close(file);
    return ntohs(address.sin_port);
}

constexpr const char* kNetwork = R"(
[input]
shape = [2, 6, 5]
scale = 0.0078125
[quantisation]
weights = { bits = 4, narrow = true }
[[layers]]
type = "conv2d"
outputs = 6
kernel = 3
padding = 1
bias = false
[[layers]]
type = "batch_norm"
[[layers]]
type = "relu"
quantiser = { bits = 4, scale = "learned" }
[[layers]]
type = "conv2d"
outputs = 6
kernel = 3
bias = false
weights = { bits = 4, scale = "max", per = "channel" }
[[layers]]
type = "batch_norm"
fold = true
[[layers]]
type = "relu"
quantiser = { bits = 4, scale = "max" }
[[layers]]
type = "dropout"
rate = 0.1
[[layers]]
type = "flatten"
[[layers]]
type = "linear"
outputs = 8
bias = false
[[layers]]
type = "batch_norm"
[[layers]]
type = "hardtanh"
quantiser = { bits = 4, scale = "percentile", percentile = 99 }
[[layers]]
type = "linear"
outputs = 3
)";

class Ranks : public testing::Test {
protected:
    void SetUp() override { write_data("x.npy", "labels.npy", 101); }

    // Three classes; an odd number of samples, so that shares differ.
    void write_data(const std::string& x, const std::string& y, std::int64_t samples) const {
        Tensor<std::int64_t> values({samples, 2, 6, 5});
        Tensor<std::int64_t> labels({samples});
        for (std::int64_t i = 0; i < samples; ++i) {
            labels[i] = i % 3;
            for (std::int64_t j = 0; j < 60; ++j) {
                values[i * 60 + j] = (i * 7919 + j * 104729 + i * j * 31) % 151 + (j % 3 == labels[i] ? 60 : 0);
            }
        }
        write_npy(place_.path(x), values);
        write_npy(place_.path(y), labels);
    }
    void write_recipe(const std::string& training, const std::string& samples = "x.npy") const {
        place_.write("net.toml", "[data]\ntrain = \"npy:" + samples + ",labels.npy\"\ntest = \"npy:x.npy,labels.npy\"\n"
                                 "[training]\nlearning_rate = 0.01\n" + training + kNetwork);
    }

    // Rank 0 is what the outcome is of; the others leave rankN.out and rankN.err. `meanwhile` is shell that knows the
    // process of the last rank as $last; `apart` is shell that the others run first.
    [[nodiscard]] Outcome together(int ranks, const std::vector<std::string>& arguments,
                                   const std::string& meanwhile = ":", const std::string& apart = "") const {
        const std::string script =
            "export OMPI_COMM_WORLD_SIZE=" + std::to_string(ranks) + " MASTER_PORT=" + std::to_string(free_port()) +
            "\nrank=" + std::to_string(ranks - 1) +
            "\nwhile [ $rank -gt 0 ]; do\n"
            "  (" + apart + " OMPI_COMM_WORLD_RANK=$rank exec \"$@\") >rank$rank.out 2>rank$rank.err &\n"
            "  [ $rank -ne " + std::to_string(ranks - 1) + " ] || last=$!\n"
            "  rank=$((rank - 1))\ndone\n"
            "OMPI_COMM_WORLD_RANK=0 \"$@\" & first=$!\n" + meanwhile + "\nwait $first; code=$?; wait; exit $code";
        return place_.qloom(arguments, {"sh", "-c", script, "sh"});
    }

    static std::vector<double> losses(const Outcome& outcome) {
        std::vector<double> result;
        const nlohmann::json json = outcome.json();
        for (const auto& epoch : json.at("epochs")) {
            result.push_back(epoch["loss"]);
        }
        return result;
    }
    [[nodiscard]] std::string said_by(int rank) const {
        return place_.read("rank" + std::to_string(rank) + ".out") + place_.read("rank" + std::to_string(rank) + ".err");
    }

    Workplace place_;
};

// The same batches, statistics and dropped values, however many processes share them. What is left is the order in which
// floats are added; it moves a value to its neighbouring level now and then, which a curve of 100 samples shows.
TEST_F(Ranks, LossCurveOfOneProcess) {
    write_recipe("epochs = 4\nbatch_size = 25\nseed = 3\n");
    const auto expect_same_curve = [&](int ranks, std::vector<std::string> arguments, double tolerance) {
        arguments.insert(arguments.begin(), {"train", "net.toml", "--json", "-o"});
        auto alone_arguments = arguments;
        alone_arguments.insert(alone_arguments.begin() + 4, "alone");
        const Outcome alone = place_.qloom(alone_arguments);
        ASSERT_EQ(alone.exit_code, 0) << alone.err;
        const std::vector<double> expected = losses(alone);
        ASSERT_LT(expected[3], 0.8 * expected[0]) << "there is a curve to compare";
        arguments.insert(arguments.begin() + 4, "shared");
        const Outcome shared = together(ranks, arguments);
        ASSERT_EQ(shared.exit_code, 0) << shared.err;
        const std::vector<double> found = losses(shared);
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
            EXPECT_NEAR(found[i], expected[i], tolerance * expected[i]) << ranks << " ranks, epoch " << i;
        }
        EXPECT_NEAR(shared.json()["accuracy"].get<double>(), alone.json()["accuracy"].get<double>(), tolerance);
        EXPECT_EQ(said_by(1), "");
        EXPECT_TRUE(place_.exists("shared/model.onnx"));
        EXPECT_FALSE(place_.exists("shared.checkpoint"));
    };
    expect_same_curve(2, {"--float"}, 1e-5);
    expect_same_curve(3, {}, 0.03);
}

TEST_F(Ranks, RankThatDoesNotCome) {
    write_recipe("epochs = 1\n");
    const Outcome outcome = place_.qloom({"train", "net.toml", "--rank-timeout", "1"},
                                         {"env", "RANK=0", "WORLD_SIZE=3", "MASTER_PORT=" + std::to_string(free_port())});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.err.find(": ranks 1, 2 of 3 did not come within 1 seconds; start every rank, let them reach this "
                               "address and port, and see what those that are missing say; --rank-timeout waits longer, "
                               "--alone trains in one process\n"),
              std::string::npos)
        << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("qloom: error: Q0824: 127.0.0.1:")) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
}

TEST_F(Ranks, NobodyServes) {
    write_recipe("epochs = 1\n");
    const Outcome outcome = place_.qloom({"train", "net.toml", "--rank-timeout", "1"},
                                         {"env", "RANK=1", "WORLD_SIZE=2", "MASTER_PORT=" + std::to_string(free_port())});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.err.find(": rank 0 did not answer within 1 seconds; "), std::string::npos) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
}

// A rank with an error of its own: rank 0 tells it, and nobody else does.
TEST_F(Ranks, RankThatFails) {
    write_recipe("epochs = 1\n");
    place_.write("other/x.npy", "nonsense");
    const Outcome outcome = together(2, {"train", "net.toml", "-o", "shared"}, ":", "cp net.toml labels.npy other; cd other;");
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err,
              "qloom: error: Q0825: rank 1 of 2: it stopped: Q0011: x.npy: this is not a .npy file (it does not begin with "
              "\\x93NUMPY); save it again with numpy.save; then the same command goes on from the last whole epoch\n");
    EXPECT_EQ(said_by(1), "");
    EXPECT_FALSE(place_.exists("shared"));
}

// Killed hard in the middle: one diagnostic, the last epoch is kept, and the same command ends as an unbroken one.
TEST_F(Ranks, RankThatIsKilled) {
    write_data("x.npy", "labels.npy", 401);
    write_recipe("epochs = 3\nbatch_size = 4\n");
    const Outcome killed = together(2, {"train", "net.toml", "-o", "killed"},
                                    "while [ ! -e killed.checkpoint ]; do sleep 0.02; done; kill -9 $last");
    EXPECT_EQ(killed.exit_code, 1);
    EXPECT_NE(killed.err.find("qloom: error: Q0825: rank 1 of 2: it is gone, and said nothing; see what that rank said last; "
                              "the same command goes on from the last whole epoch\n"),
              std::string::npos)
        << killed.err;
    EXPECT_FALSE(place_.exists("killed"));
    const Outcome resumed = together(2, {"train", "net.toml", "-o", "killed", "--json"});
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    EXPECT_GE(resumed.json()["resumed_after_epoch"], 1);
    const Outcome whole = together(2, {"train", "net.toml", "-o", "whole", "--json"});
    ASSERT_EQ(whole.exit_code, 0) << whole.err;
    EXPECT_EQ(losses(resumed), losses(whole));
    EXPECT_TRUE(place_.read("killed/model.onnx") == place_.read("whole/model.onnx"));
}

TEST_F(Ranks, MoreRanksThanSamples) {
    write_recipe("epochs = 1\nbatch_size = 2\n");
    const Outcome outcome = together(3, {"train", "net.toml", "-o", "shared"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err,
              "qloom: error: Q0817: net: a batch of 2 samples cannot be shared by 3 ranks; set a larger batch_size in "
              "[training], or start fewer ranks\n");
    EXPECT_EQ(said_by(1) + said_by(2), "");
}

TEST_F(Ranks, AloneWhateverTheEnvironmentSays) {
    write_recipe("epochs = 1\nbatch_size = 25\n");
    EXPECT_EQ(place_.qloom({"train", "net.toml", "--alone", "--json"}, {"env", "RANK=0", "WORLD_SIZE=2"}).exit_code, 0);
}

}  // namespace
}  // namespace qloom::cli
