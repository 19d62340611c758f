#include "pack/vivado.h"

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "pack/embedded_deploy.h"
#include "pack/ip.h"

namespace qloom::pack {
namespace {

// "*:pynq-z1:part0:*" of "www.digilentinc.com:pynq-z1:part0:1.0": vendors renamed themselves and
// count versions.
std::string board_parts_pattern(const std::string& board_part) {
    const auto begin = board_part.find(':');
    const auto end = board_part.find(':', begin + 1);
    if (begin == std::string::npos || end == std::string::npos) return "no-board-files";
    return fmt::format("*:{}:part0:*", board_part.substr(begin + 1, end - begin - 1));
}

}  // namespace

std::string vivado_script(const hw::Accelerator& accelerator, const hw::Board& board,
                          const StreamPlan& plan) {
    std::string text = fmt::format(
        "# Builds the system for {}: processing system, DMA, accelerator. Made by qloom.\n"
        "#   vivado -mode batch -source build.tcl                   bitstream, .xsa, .hwh, reports "
        "in output/\n"
        "#   vivado -mode batch -source build.tcl -tclargs --ila    with a logic analyser on both "
        "streams\n"
        "# Exit code 1 when a step fails or the timing is not met.\n\n",
        board.title);
    text +=
        fmt::format("set design qloom\nset board {}\nset part {}\nset board_parts_pattern {{{}}}\n",
                    board.name, board.part, board_parts_pattern(board.board_part));
    text += fmt::format("set processing_system {}\nset clock_mhz {:g}\nset dma_base 0x{:08X}\n",
                        hw::processing_system_name(board.processing_system), accelerator.clock_mhz,
                        board.dma_base);
    text += fmt::format(
        "set memory_bits {}\nset input_bits {}\nset output_bits {}\nset length_bits {}\n",
        plan.memory_bits, plan.input.dma_bits, plan.output.dma_bits, plan.length_bits);
    text += fmt::format("set accelerator_vlnv {}\n", kIpVlnv);
    return text + std::string(deploy_file(embedded_vivado(), "build_body.tcl"));
}

}  // namespace qloom::pack
