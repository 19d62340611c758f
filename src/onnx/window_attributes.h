#pragma once

#include "onnx/node_reader.h"

namespace qloom::onnx {

// kernel_shape, strides, dilations, pads, auto_pad and ceil_mode, as Conv and the pools share them.
inline ir::Window read_window(const NodeReader& node) {
    ir::Window window;
    window.kernel = node.integers("kernel_shape");
    window.strides = node.integers("strides");
    window.dilations = node.integers("dilations");
    window.pads = node.integers("pads");
    const std::string mode = node.text("auto_pad", "NOTSET");
    if (mode == "SAME_UPPER") {
        window.auto_pad = ir::AutoPad::kSameUpper;
    } else if (mode == "SAME_LOWER") {
        window.auto_pad = ir::AutoPad::kSameLower;
    } else if (mode == "VALID") {
        window.auto_pad = ir::AutoPad::kValid;
    } else if (mode != "NOTSET" && !mode.empty()) {
        node.unsupported("auto_pad is '" + mode + "'", "use NOTSET, SAME_UPPER, SAME_LOWER or VALID");
    }
    window.ceil_mode = node.flag("ceil_mode", false);
    return window;
}

}  // namespace qloom::onnx
