#include "hw/machines.h"

#include <utility>

#include "base/diagnostic.h"
#include "hw/cost.h"
#include "hw/machines/matrix_vector.h"
#include "hw/machines/pipeline.h"
#include "hw/machines/pixels.h"
#include "hw/machines/plumbing.h"
#include "hw/machines/routing.h"
#include "hw/machines/sliding_window.h"

namespace qloom::hw {

using cost::ceil_log2;

MachinePtr make_machine(const Unit& unit, MachinePorts ports, bool unbounded_fifo) {
    const auto pipeline = [&](int stages, std::int64_t beats = 1) {
        return make_pipeline_machine(std::move(ports), stages, beats);
    };
    switch (unit.module) {
        case Module::kSkid:
        case Module::kOutput:
            return make_skid_machine(std::move(ports));
        case Module::kFifo:
            return make_fifo_machine(unit, std::move(ports), unbounded_fifo);
        case Module::kWidthConverter:
            return make_converter_machine(unit, std::move(ports));
        case Module::kMatrixVector:
            return make_matrix_vector_machine(unit, std::move(ports));
        case Module::kConstantMatrix:
            return pipeline(static_cast<int>(unit.integer("Stages")));
        case Module::kThreshold:
            return pipeline(unit.text("Style") == "search" ? ceil_log2(unit.integer("Steps") + 1)
                                                           : 2);
        case Module::kLookup:
            return pipeline(1);
        case Module::kRequantize:
            return pipeline(4);
        case Module::kChannelAffine:
            return pipeline(2);
        case Module::kAdd:
        case Module::kMul:
            return pipeline(1);
        case Module::kArgmax:
            return pipeline(ceil_log2(unit.integer("Pe")),
                            unit.integer("Labels") / unit.integer("Pe"));
        case Module::kSlidingWindow:
            return make_sliding_window_machine(unit, std::move(ports));
        case Module::kParallelWindow:
            return make_parallel_window_machine(unit, std::move(ports));
        case Module::kVectorVector:
            return make_vector_vector_machine(unit, std::move(ports));
        case Module::kWindowReduce:
            return pipeline(ceil_log2(unit.integer("Simd")) + 1,
                            unit.integer("Positions") / unit.integer("Simd"));
        case Module::kFork:
            return make_fork_machine(std::move(ports));
        case Module::kConcat:
            return make_concat_machine(unit, std::move(ports));
        case Module::kSplit:
            return make_split_machine(unit, std::move(ports));
        case Module::kRepeat:
            return make_repeat_machine(unit, std::move(ports));
        case Module::kInsertPixels:
            return make_insert_pixels_machine(unit, std::move(ports));
        case Module::kGlobalReduce:
            return make_global_reduce_machine(unit, std::move(ports));
        case Module::kDepthToSpace:
            return make_depth_to_space_machine(unit, std::move(ports));
        case Module::kPermuteChannels:
            return make_permute_channels_machine(unit, std::move(ports));
    }
    QLOOM_ASSERT(false, "every module has a machine");
}

}  // namespace qloom::hw
