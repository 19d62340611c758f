#include "cli/compare_frames.h"

#include <algorithm>
#include <set>

namespace qloom::cli {

Comparison compare_frames(const network::Network& network,
                          const std::vector<network::Frames>& expected,
                          const std::vector<network::Frames>& found) {
    Comparison result;
    std::set<std::int64_t> differing;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const Tensor<std::int64_t> want = network::integers_of(expected[i]);
        const Tensor<std::int64_t> have = network::integers_of(found[i]);
        const std::int64_t size = want.size() / std::max<std::int64_t>(want.dim(0), 1);
        for (std::int64_t k = 0; k < want.size(); ++k) {
            if (want[k] == have[k]) {
                continue;
            }
            const std::int64_t frame = k / size;
            differing.insert(frame);
            if (!result.first || frame < result.first->frame) {
                result.first = Difference{.output = network.stream(network.outputs[i]).name,
                                          .frame = frame,
                                          .element = k % size,
                                          .expected = want[k],
                                          .found = have[k]};
            }
        }
    }
    result.mismatches = static_cast<std::int64_t>(differing.size());
    return result;
}

network::Frames with_shape(network::Frames frames, const Shape& one) {
    return std::visit(
        [&](auto&& tensor) -> network::Frames {
            Shape shape{tensor.dim(0)};
            shape.insert(shape.end(), one.begin(), one.end());
            return std::move(tensor).reshaped(std::move(shape));
        },
        std::move(frames));
}

}  // namespace qloom::cli
