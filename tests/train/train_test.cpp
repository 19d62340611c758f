#include "train/train.h"
#include "base/codes/base.h"
#include "base/codes/onnx.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "../data/test_files.h"
#include "base/diagnostic.h"
#include "base/npy.h"
#include "train/model.h"
#include "train/random.h"

namespace qloom::train {
namespace {

namespace fs = std::filesystem;
using data::error_text;
using data::TestFolder;

// A folder with a dataset of 3 classes that a small network learns: 6 numbers, of which two are
// large.
class Train : public testing::Test {
protected:
    Train()
        : folder_(std::string("train_") +
                  testing::UnitTest::GetInstance()->current_test_info()->name()) {
        write_pair("train", 400, 1);
        write_pair("test", 200, 2);
    }

    void write_pair(const std::string& name, std::int64_t count, std::uint64_t seed) const {
        Random random(seed);
        Tensor<std::int64_t> samples({count, 6});
        Tensor<std::int64_t> labels(Shape{count});
        for (std::int64_t i = 0; i < count; ++i) {
            labels[i] = static_cast<std::int64_t>(random.below(3));
            for (std::int64_t j = 0; j < 6; ++j) {
                samples[i * 6 + j] =
                    static_cast<std::int64_t>(random.below(150)) + (j % 3 == labels[i] ? 100 : 0);
            }
        }
        write_npy(folder_.path() / (name + "_x.npy"), samples);
        write_npy(folder_.path() / (name + "_y.npy"), labels);
    }

    [[nodiscard]] std::string pair(const std::string& name) const {
        return "npy:" + (folder_.path() / (name + "_x.npy")).string() + "," +
               (folder_.path() / (name + "_y.npy")).string();
    }

    [[nodiscard]] Recipe recipe(const std::string& training = "", const std::string& features = "6",
                                const std::string& outputs = "3") const {
        return parse_recipe(
            "[data]\ntrain = \"" + pair("train") + "\"\ntest = \"" + pair("test") +
                "\"\n[input]\nfeatures = " + features +
                "\n[training]\nepochs = 4\nbatch_size = 32\nlearning_rate = 0.02\n" + training +
                "\n[[layers]]\ntype = \"linear\"\nname = \"fc1\"\noutputs = 8\n"
                "[[layers]]\ntype = \"batch_norm\"\n[[layers]]\ntype = \"relu\"\n"
                "[[layers]]\ntype = \"dropout\"\nrate = 0.1\n"
                "[[layers]]\ntype = \"linear\"\nname = \"fc2\"\noutputs = " +
                outputs + "\n",
            "small.toml");
    }

    [[nodiscard]] fs::path path(const std::string& name) const { return folder_.path() / name; }
    static std::string contents(const fs::path& file) {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    const TestFolder folder_;
};

TEST_F(Train, LearnsAndWritesModelAndMetrics) {
    const TrainResult result = train(recipe(), {.output = path("run")});
    EXPECT_GT(result.accuracy, 0.9);
    EXPECT_LT(result.epochs.back().loss, result.epochs.front().loss);
    EXPECT_EQ(result.epochs.size(), 4U);
    EXPECT_GT(result.seconds_per_epoch, 0.0);
    EXPECT_EQ(result.model_file, path("run") / "model.onnx");
    EXPECT_FALSE(contents(result.model_file).empty());
    const auto metrics = nlohmann::json::parse(contents(result.metrics_file));
    EXPECT_EQ(metrics["accuracy"], result.accuracy);
    EXPECT_FALSE(fs::exists(path("run.checkpoint")));
}

TEST_F(Train, FloatNetworkOfTheSameRecipe) {
    const TrainResult result = train(recipe(), {.float_only = true});
    EXPECT_FALSE(result.quantised);
    EXPECT_GT(result.accuracy, 0.9);
    EXPECT_TRUE(result.model_file.empty());
}

TEST_F(Train, SameSeedSameBytes) {
    train(recipe(), {.output = path("a"), .seed = 5});
    train(recipe(), {.output = path("b"), .seed = 5});
    train(recipe(), {.output = path("c"), .seed = 6});
    EXPECT_TRUE(contents(path("a/model.onnx")) == contents(path("b/model.onnx")));
    EXPECT_NE(contents(path("a/model.onnx")), contents(path("c/model.onnx")));
}

TEST_F(Train, ReportsProgress) {
    std::vector<TrainProgress> seen;
    train(recipe(), {}, [&](const TrainProgress& progress) { seen.push_back(progress); });
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen.front().phase, Phase::kLoading);
    EXPECT_EQ(seen.back().phase, Phase::kExporting);
    int finished = 0;
    for (const TrainProgress& progress : seen) {
        EXPECT_EQ(progress.epochs, 4);
        finished += progress.epoch_done ? 1 : 0;
    }
    EXPECT_EQ(finished, 4);
    EXPECT_EQ(seen.back().step, 13);  // 400 samples in batches of 32
    EXPECT_EQ(seen.back().steps, 13);
    EXPECT_GT(seen.back().test_accuracy, 0.9);
}

TEST_F(Train, HeldOutSamplesStandInForTheTestSet) {
    fs::remove(path("test_x.npy"));
    const Recipe held = [&] {
        Recipe result = recipe();
        result.data.holdout = 100;
        return result;
    }();
    EXPECT_GT(train(held).accuracy, 0.85);
    Recipe all = held;
    all.data.holdout = 399;
    EXPECT_EQ(error_text([&] { train(all); }),
              "Q0817: small: 399 of 400 samples are held out; set a smaller holdout in [data]");
}

// Killed hard in the middle of an epoch and resumed: the same bytes as a run that nobody disturbed.
using TrainDeathTest = Train;
TEST_F(TrainDeathTest, ResumesAfterAKillAsIfNothingHappened) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(train(recipe(), {.output = path("killed")},
                      [](const TrainProgress& progress) {
                          if (progress.epoch == 3 && progress.phase == Phase::kTraining) {
                              std::raise(SIGKILL);
                          }
                      }),
                testing::KilledBySignal(SIGKILL), "");
    EXPECT_TRUE(fs::exists(path("killed.checkpoint")));
    EXPECT_FALSE(fs::exists(path("killed")));
    const TrainResult resumed = train(recipe(), {.output = path("killed")});
    EXPECT_EQ(resumed.resumed_after_epoch, 2);
    const TrainResult whole = train(recipe(), {.output = path("whole")});
    EXPECT_EQ(whole.resumed_after_epoch, 0);
    EXPECT_TRUE(contents(path("killed/model.onnx")) == contents(path("whole/model.onnx")));
    ASSERT_EQ(resumed.epochs.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(resumed.epochs[i].loss, whole.epochs[i].loss);
    }
    EXPECT_FALSE(fs::exists(path("killed.checkpoint")));
}

// Stops a training in its second epoch.
struct Stop {};
void train_and_stop(const Recipe& recipe, const TrainOptions& options) {
    EXPECT_THROW(train(recipe, options,
                       [](const TrainProgress& progress) {
                           if (progress.epoch == 2) {
                               throw Stop{};
                           }
                       }),
                 Stop);
}

TEST_F(Train, CheckpointOfAnotherTraining) {
    train_and_stop(recipe(), {.output = path("run")});
    EXPECT_EQ(error_text([&] { train(recipe(), {.output = path("run"), .seed = 2}); }),
              "Q0821: " + path("run.checkpoint").string() +
                  ": the checkpoint a stopped run left here belongs to another training (other "
                  "recipe, epochs or "
                  "seed); start anew with --restart, or remove this file");
    EXPECT_EQ(
        train(recipe(), {.output = path("run"), .seed = 2, .resume = false}).resumed_after_epoch,
        0);
}

TEST_F(Train, LossThatIsNotANumber) {
    Recipe wild = recipe("optimizer = \"sgd\"\n");
    wild.training.learning_rate = 1e30;
    wild.training.schedule = Schedule::kConstant;
    const std::string text = error_text([&] { train(wild, {.output = path("run")}); });
    EXPECT_EQ(text.substr(0, 54), "Q0820: small: the loss is not a number at epoch 1, ste") << text;
    EXPECT_TRUE(
        text.ends_with(", learning rate 1e+30; the first such values are those of fc1; lower "
                       "learning_rate, or add "
                       "batch_norm layers"))
        << text;
    EXPECT_FALSE(fs::exists(path("run")));
}

// The state before the trouble is kept, and said to be.
TEST_F(Train, LossThatIsNotANumberLater) {
    Recipe wild = recipe("optimizer = \"sgd\"\nschedule = \"step\"\nstep_epochs = 1\n");
    wild.training.learning_rate = 1e-3;
    wild.training.step_factor = 1e35;
    const std::string text = error_text([&] { train(wild, {.output = path("run")}); });
    EXPECT_NE(text.find("; the state after epoch 1 is kept in " + path("run.checkpoint").string()),
              std::string::npos)
        << text;
    EXPECT_TRUE(fs::exists(path("run.checkpoint")));
    EXPECT_FALSE(fs::exists(path("run")));
}

TEST_F(Train, NetworkThatDoesNotFitTheData) {
    EXPECT_EQ(error_text([&] { train(recipe("", "7")); }),
              "Q0817: small: the network takes 7 features, but a sample of " + pair("train") +
                  " has 6 values; set features = 6 in [input]");
    EXPECT_EQ(error_text([&] { train(recipe("", "6", "2")); }),
              "Q0817: small: the network has 2 outputs, but " + pair("train") +
                  " has 3 classes; give the last linear layer 3 outputs");
    Recipe shifted = recipe();
    shifted.data.shift = 1;
    EXPECT_EQ(error_text([&] { train(shifted); }),
              "Q0817: small: shift changes images, but a sample of " + pair("train") +
                  " has shape [6]; leave shift out of [data]");
}

// An output folder that cannot be is refused before the training, not after it.
TEST_F(Train, OutputThatCannotBe) {
    fs::create_directories(path("mine"));
    std::ofstream(path("mine/thesis.txt")) << "x";
    const auto refused = [&](const fs::path& output) {
        bool trained = false;
        try {
            train(recipe(), {.output = output}, [&](const TrainProgress& progress) {
                trained = trained || progress.phase == Phase::kTraining;
            });
        } catch (const Error& error) {
            EXPECT_FALSE(trained);
            return error.code();
        }
        return Code{0};
    };
    EXPECT_EQ(refused(path("mine")), code::kOutputFolderExists);
    EXPECT_EQ(refused("/proc/run"), code::kOutputUnwritable);
    EXPECT_TRUE(fs::exists(path("mine/thesis.txt")));
}

// A rate that rises to nonsense: the best epoch is an early one, and that is what is exported and
// reported.
TEST_F(Train, KeepsTheBestEpochAndLosesPatience) {
    const auto rising = [&](const std::string& more) {
        Recipe result = recipe(
            "optimizer = \"sgd\"\nschedule = \"step\"\nstep_epochs = 3\nloss = "
            "\"cross-entropy\"\n" +
            more);
        result.training.epochs = 9;
        result.training.learning_rate = 0.05;
        result.training.step_factor = 400.0;
        return result;
    };
    const TrainResult last = train(rising(""), {.output = path("last")});
    const TrainResult best = train(rising("keep_best = true\n"), {.output = path("best")});
    ASSERT_LT(last.accuracy, 0.9 * best.accuracy)
        << "the recipe does not go wrong as this test wants";
    EXPECT_LE(best.best_epoch, 4);
    EXPECT_EQ(best.accuracy,
              best.epochs[static_cast<std::size_t>(best.best_epoch - 1)].test_accuracy);
    // The same model as a training that ends there, up to the schedule, which is the same until
    // then.
    Recipe until = rising("");
    until.training.epochs = best.best_epoch;
    train(until, {.output = path("until")});
    EXPECT_TRUE(contents(path("best/model.onnx")) == contents(path("until/model.onnx")));
    const TrainResult impatient =
        train(rising("keep_best = true\npatience = 2\n"), {.output = path("impatient")});
    EXPECT_EQ(static_cast<int>(impatient.epochs.size()), impatient.best_epoch + 2);
    EXPECT_TRUE(contents(path("impatient/model.onnx")) == contents(path("best/model.onnx")));
}

// Stopped after its best epoch and gone on with, a training still exports that epoch.
TEST_F(Train, ResumesWithItsBestEpoch) {
    Recipe rising =
        recipe("optimizer = \"sgd\"\nschedule = \"step\"\nstep_epochs = 3\nkeep_best = true\n");
    rising.training.epochs = 6;
    rising.training.learning_rate = 0.05;
    rising.training.step_factor = 60.0;
    const TrainResult whole = train(rising, {.output = path("whole")});
    ASSERT_LE(whole.best_epoch, 4);
    EXPECT_THROW(train(rising, {.output = path("stopped")},
                       [](const TrainProgress& progress) {
                           if (progress.epoch == 5) {
                               throw std::runtime_error("stop");
                           }
                       }),
                 std::runtime_error);
    const TrainResult resumed = train(rising, {.output = path("stopped")});
    EXPECT_EQ(resumed.resumed_after_epoch, 4);
    EXPECT_EQ(resumed.best_epoch, whole.best_epoch);
    EXPECT_TRUE(contents(path("stopped/model.onnx")) == contents(path("whole/model.onnx")));
}

// No file may grow beyond so many bytes while this lives: what a full disk does to a write.
class SmallDisk {
public:
    explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~SmallDisk() {
        setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

private:
    rlimit before_{};
    void (*handler_)(int);
};

// The disk is full when a checkpoint is due: the one before is what it was, and nothing else is left.
TEST_F(Train, DiskFullAtACheckpoint) {
    train_and_stop(recipe(), {.output = path("run")});
    const std::string kept = contents(path("run.checkpoint"));
    std::string text;
    {
        const SmallDisk disk(64);  // also for what this test prints
        text = error_text([&] { train(recipe(), {.output = path("run")}); });
    }
    EXPECT_EQ(text, "Q0021: " + path("run.checkpoint").string() +
                        ": cannot be written (File too large); choose an output folder you may "
                        "write to, on a disk with room");
    EXPECT_TRUE(contents(path("run.checkpoint")) == kept);
    EXPECT_FALSE(fs::exists(path("run.checkpoint.new")));
    EXPECT_FALSE(fs::exists(path("run")));
    EXPECT_EQ(train(recipe(), {.output = path("run")}).resumed_after_epoch, 1);
}

// The disk is full when the model is written: no folder, and the last epoch is kept.
TEST_F(Train, DiskFullAtTheEnd) {
    std::optional<SmallDisk> disk;
    const std::string text = error_text([&] {
        train(recipe(), {.output = path("run")}, [&](const TrainProgress& progress) {
            if (progress.phase == Phase::kExporting) {
                disk.emplace(64);
            }
        });
    });
    disk.reset();
    EXPECT_EQ(text.substr(0, 6), fmt::format("{}:", code_text(code::kModelUnwritable)));
    EXPECT_NE(text.find(path("run/model.onnx").string() + ": cannot be written: File too large"),
              std::string::npos)
        << text;
    EXPECT_FALSE(fs::exists(path("run")));
    const TrainResult again = train(recipe(), {.output = path("run")});
    EXPECT_EQ(again.resumed_after_epoch, 4);
    EXPECT_TRUE(fs::exists(path("run/model.onnx")));
}

TEST_F(Train, WeightsAreClipped) {
    train(recipe("clip_weights = 0.125\n"), {.output = path("run")});
    Recipe wide = recipe("clip_weights = 0.125\nweight_decay = 0.0\n");
    Model model(wide, 1);
    model.clip_weights(0.125F);
    for (const float weight : std::span<const float>(model.parameters())
                                  .first(static_cast<std::size_t>(model.decayed()))) {
        EXPECT_LE(std::fabs(weight), 0.125F);
    }
}

TEST_F(Train, EveryLossLearns) {
    for (const std::string loss : {"squared-hinge", "mse", "bce"}) {
        EXPECT_GT(train(recipe("loss = \"" + loss + "\"\n")).accuracy, 0.85) << loss;
    }
}

TEST_F(Train, OneOutputForTwoClasses) {
    Tensor<std::int64_t> labels(Shape{400});
    Tensor<std::int64_t> samples({400, 6});
    Random random(4);
    for (std::int64_t i = 0; i < 400; ++i) {
        labels[i] = static_cast<std::int64_t>(random.below(2));
        for (std::int64_t j = 0; j < 6; ++j) {
            samples[i * 6 + j] =
                static_cast<std::int64_t>(random.below(150)) + (j % 2 == labels[i] ? 100 : 0);
        }
    }
    write_npy(path("train_x.npy"), samples);
    write_npy(path("train_y.npy"), labels);
    Recipe binary = recipe("loss = \"bce\"\n", "6", "1");
    binary.data.test = binary.data.train;
    EXPECT_GT(train(binary).accuracy, 0.9);
    binary.training.loss = LossKind::kCrossEntropy;
    EXPECT_EQ(error_text([&] { train(binary); }),
              "Q0817: small: one output cannot tell two classes apart with cross-entropy; set loss "
              "= \"bce\" in "
              "[training], or give the last layer 2 outputs");
}

TEST_F(Train, DeviceThatIsNotThere) {
    try {
        train(recipe(), {.epochs = 1, .device = Device::kCuda});  // fine on a machine that has one
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Q0823: --device cuda: this LibTorch finds no CUDA device; use --device cpu, "
                     "or build against a "
                     "LibTorch with CUDA");
    }
}

TEST_F(Train, ReplacesItsOwnEarlierOutput) {
    train(recipe(), {.output = path("run"), .epochs = 1});
    EXPECT_EQ(train(recipe(), {.output = path("run"), .epochs = 2}).epochs.size(), 2U);
}

TEST_F(Train, DatasetThatIsNotInstalled) {
    Recipe missing = recipe();
    missing.data.train = "fashion-mnist:train";
    EXPECT_EQ(error_text([&] { train(missing, {.data_directory = "/no/such"}); }),
              "Q0801: fashion-mnist: train-images-idx3-ubyte.gz is not in /no/such; install the "
              "Debian package "
              "dataset-fashion-mnist: apt-get install dataset-fashion-mnist");
}

}  // namespace
}  // namespace qloom::train
