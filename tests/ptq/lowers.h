#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ir/tidy.h"
#include "lower/lower.h"
#include "onnx/reader.h"
#include "onnx/writer.h"

namespace qloom::ptq::testing {

// The graph, through a file's bytes, is all hardware but for what the host does before the first
// and behind the last quantiser, and both engines agree on the frames.
inline void expect_lowers(const ir::Graph& quantised, const std::vector<ir::Value>& frames,
                          const std::string& what) {
    const std::string bytes = onnx::serialise_model(quantised);
    const ir::Graph read = onnx::parse_model(bytes, what);
    const ir::Graph graph = ir::tidy(read);
    try {
        const lower::Engine engine(lower::lower(graph));
        const lower::SelfCheckResult result = lower::self_check(graph, engine, frames);
        EXPECT_GT(result.values, 0) << what;
        for (const lower::NodePlacement& placement : engine.lowered().placements) {
            const bool layer = placement.op == "MatMul" || placement.op == "Conv" ||
                               placement.op == "ConvTranspose";
            EXPECT_TRUE(!layer || placement.placement == lower::Placement::kHardware)
                << what << " " << placement.node;
        }
    } catch (const Error& error) {
        ADD_FAILURE() << what << ": " << error.what();
    }
}

}  // namespace qloom::ptq::testing
