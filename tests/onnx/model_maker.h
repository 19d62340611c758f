#pragma once

#include <string>
#include <utility>
#include <vector>

#include "onnx/proto.h"

namespace qloom::onnx {

// Builds ONNX files in memory, with protobuf alone: the reader is tested against the format, not against the writer.
class ModelMaker {
public:
    explicit ModelMaker(std::int64_t opset = 14) {
        model_.set_ir_version(8);
        auto* import = model_.add_opset_import();
        import->set_domain("");
        import->set_version(opset);
        graph().set_name("made");
    }

    ::onnx::ModelProto& model() { return model_; }
    ::onnx::GraphProto& graph() { return *model_.mutable_graph(); }

    // -1 leaves an axis open.
    ModelMaker& input(const std::string& name, const std::vector<std::int64_t>& dims,
                      std::int32_t type = ::onnx::TensorProto::FLOAT) {
        auto* info = graph().add_input();
        info->set_name(name);
        info->mutable_type()->mutable_tensor_type()->set_elem_type(type);
        auto* shape = info->mutable_type()->mutable_tensor_type()->mutable_shape();
        for (const std::int64_t dim : dims) {
            if (dim < 0) {
                shape->add_dim()->set_dim_param("N");
            } else {
                shape->add_dim()->set_dim_value(dim);
            }
        }
        return *this;
    }
    ModelMaker& output(const std::string& name) {
        graph().add_output()->set_name(name);
        return *this;
    }
    ::onnx::TensorProto& initialiser(const std::string& name, const std::vector<std::int64_t>& dims,
                                     std::int32_t type = ::onnx::TensorProto::FLOAT) {
        auto* tensor = graph().add_initializer();
        tensor->set_name(name);
        tensor->set_data_type(type);
        for (const std::int64_t dim : dims) {
            tensor->add_dims(dim);
        }
        return *tensor;
    }
    ModelMaker& floats(const std::string& name, const std::vector<std::int64_t>& dims,
                       const std::vector<float>& values) {
        auto& tensor = initialiser(name, dims);
        for (const float value : values) {
            tensor.add_float_data(value);
        }
        return *this;
    }
    ModelMaker& integers(const std::string& name, const std::vector<std::int64_t>& values) {
        auto& tensor = initialiser(name, {static_cast<std::int64_t>(values.size())}, ::onnx::TensorProto::INT64);
        for (const std::int64_t value : values) {
            tensor.add_int64_data(value);
        }
        return *this;
    }
    // A node named after its operator; attributes follow with the functions below.
    ModelMaker& node(const std::string& op, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs, const std::string& domain = "") {
        node_ = graph().add_node();
        node_->set_op_type(op);
        node_->set_name("the" + op);
        node_->set_domain(domain);
        for (const std::string& name : inputs) {
            node_->add_input(name);
        }
        for (const std::string& name : outputs) {
            node_->add_output(name);
        }
        return *this;
    }
    ModelMaker& attribute(const std::string& name, std::int64_t value) {
        add(name, ::onnx::AttributeProto::INT)->set_i(value);
        return *this;
    }
    ModelMaker& attribute(const std::string& name, float value) {
        add(name, ::onnx::AttributeProto::FLOAT)->set_f(value);
        return *this;
    }
    ModelMaker& attribute(const std::string& name, const char* value) {
        add(name, ::onnx::AttributeProto::STRING)->set_s(value);
        return *this;
    }
    ModelMaker& attribute(const std::string& name, const std::vector<std::int64_t>& values) {
        auto* proto = add(name, ::onnx::AttributeProto::INTS);
        for (const std::int64_t value : values) {
            proto->add_ints(value);
        }
        return *this;
    }
    ModelMaker& attribute(const std::string& name, const std::vector<float>& values) {
        auto* proto = add(name, ::onnx::AttributeProto::FLOATS);
        for (const float value : values) {
            proto->add_floats(value);
        }
        return *this;
    }
    ::onnx::TensorProto& tensor_attribute(const std::string& name) {
        return *add(name, ::onnx::AttributeProto::TENSOR)->mutable_t();
    }
    ::onnx::NodeProto& last() { return *node_; }
    [[nodiscard]] std::string bytes() const { return model_.SerializeAsString(); }

private:
    ::onnx::AttributeProto* add(const std::string& name, ::onnx::AttributeProto::AttributeType type) {
        auto* proto = node_->add_attribute();
        proto->set_name(name);
        proto->set_type(type);
        return proto;
    }

    ::onnx::ModelProto model_;
    ::onnx::NodeProto* node_ = nullptr;
};

}  // namespace qloom::onnx
