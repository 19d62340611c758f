#include "pack/stream_bytes.h"

#include <variant>

#include "base/diagnostic.h"

namespace qloom::pack {

std::int64_t frame_bytes(const hw::Port& port) { return port.beats * (port.data_bits / 8); }

std::vector<std::uint8_t> stream_bytes(const hw::Port& port, const network::Frames& frames) {
    return std::visit(
        [&](const auto& tensor) {
            QLOOM_ASSERT(tensor.size() % port.elements == 0, "frames are whole");
            const std::int64_t beat_bytes = port.data_bits / 8;
            std::vector<std::uint8_t> bytes(
                static_cast<std::size_t>(tensor.size() / port.elements * frame_bytes(port)));
            for (std::int64_t index = 0; index < tensor.size(); ++index) {
                const auto value =
                    static_cast<std::uint64_t>(static_cast<std::int64_t>(tensor[index]));
                const std::int64_t begin = index / port.elements_per_beat * beat_bytes * 8 +
                                           index % port.elements_per_beat * port.element_bits;
                // Bits up to the end of a byte at a time.
                for (int done = 0; done < port.element_bits;) {
                    const std::int64_t bit = begin + done;
                    const int room = 8 - static_cast<int>(bit % 8);
                    const int count = std::min(room, port.element_bits - done);
                    const std::uint64_t part = value >> done & ((std::uint64_t{1} << count) - 1);
                    bytes[static_cast<std::size_t>(bit / 8)] |=
                        static_cast<std::uint8_t>(part << (bit % 8));
                    done += count;
                }
            }
            return bytes;
        },
        frames);
}

}  // namespace qloom::pack
