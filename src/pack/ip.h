#pragma once

#include <optional>
#include <string>
#include <vector>

#include "emit/emit.h"
#include "pack/stream_plan.h"

// The accelerator as an IP of Vivado's catalogue: IP-XACT 1685-2009 in the SPIRIT namespace with
// the vendor's extensions.
namespace qloom::pack {

constexpr const char* kIpVlnv = "qloom:accelerator:qloom_accelerator:1.0";

// qloom_ip.sv: qloom_stream (pack/system_rtl.h), whose packets carry batches of frames, with the
// widths and the tkeep that a DMA has.
std::string ip_top_text(const StreamPlan& plan);

// component.xml. Without a plan the IP is qloom_top itself, with as many streams as the network
// has. `sources` are the names of the .sv files in order, the top last; `memories` those of the
// .mem files.
std::string component_xml(const hw::Accelerator& accelerator, const std::optional<StreamPlan>& plan,
                          const std::vector<std::string>& sources,
                          const std::vector<std::string>& memories);

// ip/component.xml, ip/src/*, ip/xgui/*. `rtl` holds what emit::generate() gives for the
// accelerator (its rtl/ files are used, in the order of rtl/files.f).
std::vector<emit::TextFile> ip_files(const hw::Accelerator& accelerator,
                                     const std::optional<StreamPlan>& plan,
                                     const std::vector<emit::TextFile>& rtl);

}  // namespace qloom::pack
