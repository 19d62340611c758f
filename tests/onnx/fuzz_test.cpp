// Damaged models: reading, tidying and preparing to run either works or says why not; it never crashes, hangs or
// fills the memory. Mutations are deterministic. The same under AddressSanitizer: -DQLOOM_SANITIZE=ON.
#include <gtest/gtest.h>

#include <random>

#include "../ir/random_graph.h"
#include "all_operators.h"
#include "base/diagnostic.h"
#include "ir/execute.h"
#include "ir/tidy.h"
#include "ir/verify.h"
#include "model_maker.h"
#include "onnx/reader.h"
#include "onnx/writer.h"

namespace qloom::onnx {
namespace {

std::vector<std::string> seeds() {
    std::vector<std::string> result;
    for (const ir::Graph& graph : graphs_of_all_operators()) {
        result.push_back(serialise_model(graph));
    }
    for (std::uint32_t seed = 0; seed < 6; ++seed) {
        result.push_back(serialise_model(ir::RandomGraph(seed).make()));
    }
    ModelMaker old(9);  // spellings the writer does not use
    old.input("x", {-1, 4}).node("Clip", {"x"}, {"c"}).attribute("min", 0.0F);
    old.node("Unsqueeze", {"c"}, {"u"}).attribute("axes", std::vector<std::int64_t>{1});
    old.node("Softmax", {"u"}, {"y"}).attribute("axis", std::int64_t{1}).output("y");
    result.push_back(old.bytes());
    return result;
}

struct Tally {
    int accepted = 0;
    int refused = 0;
};

void try_model(const std::string& bytes, Tally& tally) {
    try {
        const ir::Graph graph = parse_model(bytes, "m.onnx");
        ASSERT_EQ(ir::verify(graph), "");
        const ir::Executor executor(ir::tidy(graph));
        ++tally.accepted;
    } catch (const Error& error) {
        EXPECT_FALSE(error.diagnostic().what.empty());
        EXPECT_FALSE(error.diagnostic().advice.empty()) << error.what();
        ++tally.refused;
    }
}

TEST(Fuzz, FlippedBitsTruncationsAndSplices) {
    const std::vector<std::string> models = seeds();
    std::mt19937 random(1);
    Tally tally;
    for (int round = 0; round < 4000; ++round) {
        std::string bytes = models[random() % models.size()];
        switch (random() % 4) {
            case 0:
                bytes.resize(random() % bytes.size());
                break;
            case 1: {  // a piece of another model
                const std::string& other = models[random() % models.size()];
                const std::size_t from = random() % other.size();
                const std::string piece = other.substr(from, 1 + random() % 40);
                const std::size_t at = random() % bytes.size();
                bytes.replace(at, random() % 2 == 0 ? piece.size() : 0, piece);
                break;
            }
            default:
                for (auto flips = random() % 6 + 1; flips > 0; --flips) {
                    bytes[random() % bytes.size()] ^= static_cast<char>(1U << (random() % 8));
                }
        }
        try_model(bytes, tally);
    }
    EXPECT_GT(tally.accepted, 100);
    EXPECT_GT(tally.refused, 100);
}

// Damage that protobuf does not notice: numbers and wires of a sound structure changed.
void mutate(::onnx::ModelProto& model, std::mt19937& random) {
    auto& graph = *model.mutable_graph();
    static constexpr std::int64_t kOdd[] = {-1,  0,  1,  2,  -2, 3, 7, 127, 4096, 1LL << 31, 1LL << 40, -(1LL << 62),
                                            INT64_MAX, INT64_MIN};
    auto odd = [&random] { return kOdd[random() % std::size(kOdd)]; };
    static constexpr float kOddFloat[] = {0.0F, -1.0F, 1e30F, -1e30F, 0.5F, 33.0F};
    auto& node = *graph.mutable_node(static_cast<int>(random() % static_cast<std::uint32_t>(graph.node_size())));
    switch (random() % 8) {
        case 0:
            if (node.attribute_size() > 0) {
                auto& attribute = *node.mutable_attribute(
                    static_cast<int>(random() % static_cast<std::uint32_t>(node.attribute_size())));
                attribute.set_i(odd());
                attribute.set_f(kOddFloat[random() % std::size(kOddFloat)]);
                for (auto& value : *attribute.mutable_ints()) {
                    value = random() % 2 == 0 ? odd() : value;
                }
                if (random() % 4 == 0) {
                    attribute.add_ints(odd());
                }
            }
            break;
        case 1: {
            if (graph.initializer_size() == 0) {
                break;
            }
            auto& tensor = *graph.mutable_initializer(
                static_cast<int>(random() % static_cast<std::uint32_t>(graph.initializer_size())));
            if (tensor.data_type() == ::onnx::TensorProto::INT64) {
                for (std::size_t at = 0; at + 8 <= tensor.raw_data().size(); at += 8) {
                    if (random() % 2 == 0) {
                        const std::int64_t value = odd();
                        tensor.mutable_raw_data()->replace(at, 8, reinterpret_cast<const char*>(&value), 8);
                    }
                }
            } else if (tensor.raw_data().size() >= 4) {
                const float value = random() % 5 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                                      : kOddFloat[random() % std::size(kOddFloat)];
                tensor.mutable_raw_data()->replace(0, 4, reinterpret_cast<const char*>(&value), 4);
            }
            break;
        }
        case 2:
            if (node.input_size() > 0) {
                auto& other = graph.node(static_cast<int>(random() % static_cast<std::uint32_t>(graph.node_size())));
                node.set_input(static_cast<int>(random() % static_cast<std::uint32_t>(node.input_size())),
                               other.output_size() > 0 && random() % 4 != 0 ? other.output(0) : std::string());
            }
            break;
        case 3:
            if (graph.initializer_size() > 0 && node.input_size() > 0) {
                node.set_input(static_cast<int>(random() % static_cast<std::uint32_t>(node.input_size())),
                               graph.initializer(static_cast<int>(random() % static_cast<std::uint32_t>(
                                                                     graph.initializer_size())))
                                   .name());
            }
            break;
        case 4: {
            auto& other = graph.node(static_cast<int>(random() % static_cast<std::uint32_t>(graph.node_size())));
            node.set_op_type(other.op_type());
            node.set_domain(other.domain());
            break;
        }
        case 5: {
            auto& shape = *graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
            shape.mutable_dim(static_cast<int>(random() % static_cast<std::uint32_t>(shape.dim_size())))
                ->set_dim_value(random() % 2 == 0 ? odd() : static_cast<std::int64_t>(random() % 9));
            break;
        }
        case 6:
            if (random() % 2 == 0) {
                node.add_input(node.input_size() > 0 ? node.input(0) : "x");
            } else if (node.input_size() > 0) {
                node.mutable_input()->RemoveLast();
            }
            break;
        default:
            model.mutable_opset_import(0)->set_version(static_cast<std::int64_t>(random() % 24));
    }
}

TEST(Fuzz, ChangedNumbersAndWires) {
    const std::vector<std::string> models = seeds();
    std::mt19937 random(2);
    Tally tally;
    for (int round = 0; round < 6000; ++round) {
        ::onnx::ModelProto model;
        ASSERT_TRUE(model.ParseFromString(models[random() % models.size()]));
        for (auto changes = random() % 3 + 1; changes > 0; --changes) {
            mutate(model, random);
        }
        try_model(model.SerializeAsString(), tally);
    }
    EXPECT_GT(tally.accepted, 100);
    EXPECT_GT(tally.refused, 100);
}

}  // namespace
}  // namespace qloom::onnx
