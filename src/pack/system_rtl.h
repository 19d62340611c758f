#pragma once

#include <vector>

#include "base/codes/pack.h"
#include "emit/emit.h"
#include "hw/accelerator.h"

// RTL around qloom_top that lets a DMA drive it:
//
//   qloom_stream, for a vendor's DMA:
//     s_axis_0 (tlast) --> [ql_axis_batch <--> qloom_top] --> m_axis_0 (tlast)
//
//   qloom_soc, the whole with Qloom's DMA:
//     s_axi_lite --> [ql_axi_dma <--> ql_axis_gearbox <--> qloom_stream] --> m_axi
//
// A packet into qloom_stream is one frame or many; one packet of results comes out for it, tlast on
// the last frame's last beat. qloom_top alone sets tlast on every frame.
namespace qloom::pack {

// The files that are needed beside those in rtl/files.f, each after what it instantiates; paths are
// relative to the rtl folder. `memory_bits` is the width of the DMA's memory port: 32, 64 or 128.
// Throws code::kSeveralStreams.
std::vector<emit::TextFile> system_rtl(const hw::Accelerator& accelerator, int memory_bits);

}  // namespace qloom::pack
