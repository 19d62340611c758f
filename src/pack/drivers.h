#pragma once

#include <string>
#include <vector>

#include "emit/emit.h"
#include "hw/accelerator.h"
#include "pack/host_view.h"
#include "pack/package.h"
#include "pack/stream_plan.h"

// What a host program must know of one network on one board, in the forms that the drivers read.
namespace qloom::pack {

struct DriverFacts {
    const hw::Accelerator* accelerator;
    const hw::Board* board;
    const StreamPlan* plan;
    const HostView* view;
};

// pynq/: driver.py, model.json, qloom.ipynb, README.md, samples.npy, expected.npy and, with labels,
// labels.npy.
std::vector<emit::TextFile> pynq_files(const DriverFacts& facts, const Samples& samples);
// linux/: the driver's sources, model.h, samples.h, Makefile, README.md, qloom.dtso.
std::vector<emit::TextFile> linux_files(const DriverFacts& facts, const Samples& samples);
// firmware/vitis/: the application on the vendor's driver.
std::vector<emit::TextFile> vitis_files();

}  // namespace qloom::pack
