#include "ir/window.h"

#include <algorithm>

#include "base/codes/ir.h"
#include "base/diagnostic.h"

namespace qloom::ir {
namespace {

// Far beyond any real window, and small enough that sums and products of two stay inside int64.
constexpr std::int64_t kLimit = std::int64_t{1} << 30;

[[noreturn]] void refuse(const std::string& where, const std::string& what, const std::string& advice) {
    throw Error(code::kWindowInvalid, where, what, advice);
}

std::vector<std::int64_t> checked(const std::string& where, const char* name, const std::vector<std::int64_t>& given,
                                  std::size_t count, std::int64_t fallback, std::int64_t least) {
    if (given.empty()) {
        return std::vector<std::int64_t>(count, fallback);
    }
    if (given.size() != count) {
        refuse(where, fmt::format("{} has {} values, the input has {} spatial axes", name, given.size(),
                                  name == std::string("pads") ? count / 2 : count),
               "export one value an axis");
    }
    for (const std::int64_t value : given) {
        if (value < least || value > kLimit) {
            refuse(where, fmt::format("{} is {}, which makes no sense", name, value),
                   fmt::format("{} must be at least {}", name, least));
        }
    }
    return given;
}

struct Attributes {
    std::vector<std::int64_t> kernel, strides, dilations, pads;
};

Attributes attributes_of(const std::string& where, const Window& window, const Shape& spatial,
                         const Shape& kernel_shape) {
    const std::size_t count = spatial.size();
    Attributes result;
    result.kernel = checked(where, "kernel_shape", window.kernel.empty() ? kernel_shape : window.kernel, count, 1, 1);
    if (!kernel_shape.empty() && result.kernel != kernel_shape) {
        refuse(where,
               fmt::format("kernel_shape is {} but the weights are {}", shape_text(result.kernel),
                           shape_text(kernel_shape)),
               "export the attribute that belongs to the weights");
    }
    result.strides = checked(where, "strides", window.strides, count, 1, 1);
    result.dilations = checked(where, "dilations", window.dilations, count, 1, 1);
    result.pads = checked(where, "pads", window.pads, 2 * count, 0, 0);
    if (std::ranges::any_of(spatial, [](std::int64_t size) { return size < 1 || size > kLimit; })) {
        refuse(where, fmt::format("the input's spatial shape is {}", shape_text(spatial)), "give it a size of 1 or more");
    }
    return result;
}

}  // namespace

std::vector<WindowAxis> resolve_window(const std::string& where, const Window& window, const Shape& spatial,
                                       const Shape& kernel_shape) {
    const std::size_t count = spatial.size();
    const Attributes a = attributes_of(where, window, spatial, kernel_shape);
    std::vector<WindowAxis> result(count);
    for (std::size_t i = 0; i < count; ++i) {
        WindowAxis& axis = result[i];
        axis = {.input = spatial[i], .output = 1, .kernel = a.kernel[i], .stride = a.strides[i],
                .dilation = a.dilations[i], .pad_begin = a.pads[i], .pad_end = a.pads[i + count]};
        switch (window.auto_pad) {
            case AutoPad::kNotSet:
                break;
            case AutoPad::kValid:
                axis.pad_begin = axis.pad_end = 0;
                break;
            case AutoPad::kSameUpper:
            case AutoPad::kSameLower: {
                const std::int64_t output = (axis.input + axis.stride - 1) / axis.stride;
                const std::int64_t total =
                    std::max<std::int64_t>(0, (output - 1) * axis.stride + axis.reach() - axis.input);
                const std::int64_t less = total / 2;
                axis.pad_begin = window.auto_pad == AutoPad::kSameUpper ? less : total - less;
                axis.pad_end = total - axis.pad_begin;
                break;
            }
        }
        const std::int64_t room = axis.input + axis.pad_begin + axis.pad_end - axis.reach();
        if (room < 0) {
            refuse(where,
                   fmt::format("the kernel reaches over {} values, the padded input has {} (axis {})", axis.reach(),
                               axis.input + axis.pad_begin + axis.pad_end, i + 2),
                   "use a smaller kernel or dilation, more padding or a larger input");
        }
        axis.output = room / axis.stride + 1;
        if (window.ceil_mode && room % axis.stride != 0 && axis.output * axis.stride < axis.input + axis.pad_begin) {
            ++axis.output;  // the last window may overhang, but must start inside the input or its left padding
        }
    }
    return result;
}

std::vector<WindowAxis> resolve_transposed_window(const std::string& where, const ConvTranspose& op,
                                                  const Shape& spatial, const Shape& kernel_shape) {
    const std::size_t count = spatial.size();
    const Attributes a = attributes_of(where, op.window, spatial, kernel_shape);
    const std::vector<std::int64_t> extra = checked(where, "output_padding", op.output_padding, count, 0, 0);
    const std::vector<std::int64_t> wanted = checked(where, "output_shape", op.output_shape, count, 0, 1);
    std::vector<WindowAxis> result(count);
    for (std::size_t i = 0; i < count; ++i) {
        WindowAxis& axis = result[i];
        axis = {.input = spatial[i], .output = 1, .kernel = a.kernel[i], .stride = a.strides[i],
                .dilation = a.dilations[i], .pad_begin = a.pads[i], .pad_end = a.pads[i + count]};
        const std::int64_t full = axis.stride * (axis.input - 1) + extra[i] + axis.reach();
        const AutoPad mode = op.window.auto_pad;
        if (mode == AutoPad::kValid) {
            axis.pad_begin = axis.pad_end = 0;
        }
        if (wanted[i] != 0 || mode == AutoPad::kSameUpper || mode == AutoPad::kSameLower) {
            const std::int64_t output = wanted[i] != 0 ? wanted[i] : axis.input * axis.stride;
            const std::int64_t total = std::max<std::int64_t>(0, full - output);
            axis.pad_begin = mode == AutoPad::kSameUpper ? total / 2 : total - total / 2;
            axis.pad_end = total - axis.pad_begin;
            axis.output = output;
        } else {
            axis.output = full - axis.pad_begin - axis.pad_end;
        }
        if (axis.output < 1) {
            refuse(where, fmt::format("padding {} and {} leaves nothing of the {} outputs", axis.pad_begin,
                                      axis.pad_end, full),
                   "use less padding");
        }
    }
    return result;
}

}  // namespace qloom::ir
