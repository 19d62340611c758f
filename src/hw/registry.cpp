#include "hw/registry.h"

#include "base/diagnostic.h"
#include "hw/prepare.h"
#include "hw/units/argmax.h"
#include "hw/units/channel_affine.h"
#include "hw/units/concat_split.h"
#include "hw/units/constant_matrix.h"
#include "hw/units/depth_to_space.h"
#include "hw/units/global_reduce.h"
#include "hw/units/insert_pixels.h"
#include "hw/units/join.h"
#include "hw/units/lookup.h"
#include "hw/units/matrix_vector.h"
#include "hw/units/permute_channels.h"
#include "hw/units/requantize.h"
#include "hw/units/sliding_window.h"
#include "hw/units/threshold.h"
#include "hw/units/upsample.h"
#include "hw/units/vector_vector.h"
#include "hw/units/window_reduce.h"

namespace qloom::hw {
namespace {

struct Registry {
    const UnitModel& operator()(const network::MatrixVector& layer) const {
        return constant_form(layer) == nullptr ? matrix_vector_model() : constant_matrix_model();
    }
    const UnitModel& operator()(const network::Threshold&) const { return threshold_model(); }
    const UnitModel& operator()(const network::Lookup&) const { return lookup_model(); }
    const UnitModel& operator()(const network::Requantize&) const { return requantize_model(); }
    const UnitModel& operator()(const network::ChannelAffine&) const {
        return channel_affine_model();
    }
    const UnitModel& operator()(const network::Add&) const { return add_model(); }
    const UnitModel& operator()(const network::Multiply&) const { return multiply_model(); }
    const UnitModel& operator()(const network::Concat&) const { return concat_model(); }
    const UnitModel& operator()(const network::Split&) const { return split_model(); }
    const UnitModel& operator()(const network::Argmax&) const { return argmax_model(); }
    const UnitModel& operator()(const network::SlidingWindow&) const {
        return sliding_window_model();
    }
    const UnitModel& operator()(const network::VectorVector&) const {
        return vector_vector_model();
    }
    const UnitModel& operator()(const network::WindowReduce&) const {
        return window_reduce_model();
    }
    const UnitModel& operator()(const network::GlobalReduce&) const {
        return global_reduce_model();
    }
    const UnitModel& operator()(const network::Upsample&) const { return upsample_model(); }
    const UnitModel& operator()(const network::InsertPixels&) const {
        return insert_pixels_model();
    }
    const UnitModel& operator()(const network::PermuteChannels&) const {
        return permute_channels_model();
    }
    const UnitModel& operator()(const network::DepthToSpace&) const {
        return depth_to_space_model();
    }
    const UnitModel& operator()(const network::Reshape&) const {
        QLOOM_ASSERT(false, "a reshape has no hardware");
    }
};

}  // namespace

const UnitModel& unit_model(const network::LayerKind& kind) { return std::visit(Registry{}, kind); }

std::optional<Diagnostic> missing_hardware(const network::Network& network) {
    const network::Network prepared = hardware_form(network);
    for (const network::Layer& layer : prepared.layers) {
        if (std::holds_alternative<network::Reshape>(layer.kind)) continue;
        try {
            unit_model(layer.kind).check({prepared, layer});
        } catch (const Error& error) {
            return error.diagnostic();
        }
    }
    return std::nullopt;
}

}  // namespace qloom::hw
