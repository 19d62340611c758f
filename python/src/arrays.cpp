#include "arrays.h"

#include <memory>
#include <utility>

namespace py = pybind11;

namespace qloom::python {
namespace {

template <class T>
ir::Value copied(const py::array& array) {
    const auto plain = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(array);
    if (!plain) {
        throw py::error_already_set();
    }
    const Shape shape(plain.shape(), plain.shape() + plain.ndim());
    return Tensor<T>(shape, std::vector<T>(plain.data(), plain.data() + plain.size()));
}

template <class T>
py::array wrapped(Tensor<T> tensor) {
    auto owned = std::make_unique<std::vector<T>>(std::move(tensor.values()));
    const std::vector<py::ssize_t> shape(tensor.shape().begin(), tensor.shape().end());
    T* const data = owned->data();
    const py::capsule owner(owned.release(), [](void* memory) { delete static_cast<std::vector<T>*>(memory); });
    return py::array_t<T>(shape, data, owner);
}

}  // namespace

ir::Value value_of(const py::array& array) {
    switch (array.dtype().kind()) {
        case 'f':
            return copied<float>(array);
        case 'i':
        case 'u':
        case 'b':
            return copied<std::int64_t>(array);
        default:
            throw py::type_error("an array of numbers is wanted, not of " +
                                 py::str(array.dtype()).cast<std::string>());
    }
}

py::array array_of(ir::Value value) {
    return std::visit([](auto& tensor) { return wrapped(std::move(tensor)); }, value);
}

py::array array_of(Tensor<std::uint8_t> tensor) { return wrapped(std::move(tensor)); }

}  // namespace qloom::python
