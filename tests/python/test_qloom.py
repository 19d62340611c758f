"""The package as a person uses it. Expected numbers come from NumPy, not from Qloom."""

import os
import tempfile
import threading
import unittest
from pathlib import Path

import numpy as np
import qloom

FASHION = Path("/usr/share/datasets/fashion-mnist")


def numpy_network(network, x):
    """The integer network of a multilayer perceptron, computed by NumPy: (frames, inputs) -> (frames, outputs)."""
    for layer in network.layers:
        if layer.kind == "MatrixVector":
            x = x @ layer.weights.T
        elif layer.kind == "Threshold":
            rows = np.broadcast_to(layer.thresholds, (x.shape[1], layer.thresholds.shape[1]))
            x = layer.out_bias + (x[:, :, None] >= rows[None]).sum(axis=2)
        else:
            raise AssertionError(layer.kind)
    return x


@unittest.skipUnless(FASHION.exists(), "the dataset FashionMNIST is not installed")
class TrainedClassifier(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.scratch.name)
        cls.trained = qloom.train("fashion-mnist-mlp", cls.folder / "run", epochs=1, seed=3, progress=False)
        cls.model = qloom.load(cls.trained.model)
        cls.x = np.random.default_rng(5).integers(0, 256, (300, 784))

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_training_reports_what_the_model_does(self):
        self.assertGreater(self.trained.accuracy, 0.8)
        self.assertEqual(len(self.trained.epochs), 1)
        measured = self.model.evaluate("fashion-mnist:test", progress=False)
        self.assertEqual(measured.images, 10000)
        self.assertAlmostEqual(measured.accuracy, self.trained.accuracy, delta=0.002)

    def test_the_dataset_is_that_of_the_files(self):
        import gzip

        with gzip.open(FASHION / "t10k-images-idx3-ubyte.gz") as file:
            pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
        samples, labels, names = qloom.dataset("fashion-mnist:test", 50)
        np.testing.assert_array_equal(samples, pixels[:50])
        self.assertEqual((samples.dtype, labels.shape, len(names)), (np.uint8, (50,), 10))

    def test_both_engines_agree_and_so_does_numpy(self):
        integers = self.model.run(self.x)
        self.assertEqual((integers.shape, integers.dtype), ((300, 10), np.float32))
        np.testing.assert_allclose(self.model.run(self.x, engine="reference"), integers, rtol=1e-5, atol=1e-5)
        network = self.model.lower(["uint8"])
        by_numpy = numpy_network(network, self.x)
        # The outputs are an affine function of the integers, the same for every frame.
        for label in range(10):
            slope, offset = np.polyfit(by_numpy[:, label], integers[:, label].astype(float), 1)
            np.testing.assert_allclose(slope * by_numpy[:, label] + offset, integers[:, label], atol=1e-4)

    def test_shapes_and_types_of_arrays(self):
        images = self.x.reshape(300, 28, 28).astype(np.uint8)
        np.testing.assert_array_equal(self.model.run(images), self.model(self.x.astype(np.float64)))
        with self.assertRaises(TypeError):
            self.model.run(np.array(["a"]))
        with self.assertRaises(qloom.Error) as caught:
            self.model.run(self.x[:, :783])
        self.assertIn("783", str(caught.exception))
        with self.assertRaises(qloom.Error) as caught:
            self.model.run(self.x, self.x)
        self.assertEqual(
            str(caught.exception),
            f"{caught.exception.code}: {self.model.file}: 2 arrays are given, and the model has 1 inputs; give one array for "
            "each input, in the order of Model.inputs",
        )

    def test_compile_and_simulate(self):
        accelerator = self.model.compile(
            self.folder / "out", board="pynq-z1", fps=200_000, progress=False, no_package=True
        )
        self.assertLessEqual(accelerator.ii_cycles, 500)
        self.assertEqual(accelerator.board, "pynq-z1")
        simulated = accelerator.simulate(self.x[:12], progress=False)
        self.assertEqual((simulated.frames, simulated.mismatches), (12, 0))
        self.assertEqual(simulated.ii_cycles, accelerator.ii_cycles)
        np.testing.assert_array_equal(simulated.outputs[0], self.model.run(self.x[:12]))
        self.assertIn("MatrixVector", repr(accelerator))
        self.assertIn("<table>", accelerator._repr_html_())
        self.assertIn("<svg", self.model.lower(["uint8"])._repr_html_())

    def test_quantising_without_training(self):
        float_run = qloom.train("fashion-mnist-mlp", self.folder / "float", epochs=1, float=True, progress=False)
        quantised = qloom.quantize(
            float_run.model, self.x.astype(np.float32), output=self.folder / "ptq.onnx", edge_weights=4,
            bits=["fc1=5"], no_advice=True, progress=False,
        )
        self.assertEqual(quantised.frames + quantised.judged, 300)
        widths = {q.name: q.type for q in quantised.quantisers if q.kind == "weights"}
        self.assertIn("5", widths["fc1"])
        # Not far from what it was made from.
        wanted = qloom.run(float_run.model, self.x.astype(np.float32), engine="reference").argmax(axis=1)
        found = qloom.run(quantised.output, self.x.astype(np.float32), engine="reference").argmax(axis=1)
        self.assertGreater((wanted == found).mean(), 0.5)
        with self.assertRaises(qloom.Error):
            qloom.quantize(float_run.model, calibrate="no-such-data", output=self.folder / "no.onnx", progress=False)

    def test_the_interpreter_runs_on_meanwhile(self):
        counted = 0
        worker = threading.Thread(target=lambda: [self.model.run(self.x) for _ in range(5)])
        worker.start()
        while worker.is_alive():
            counted += 1
            worker.join(0.001)
        self.assertGreater(counted, 3)


class Recipes(unittest.TestCase):
    def test_a_network_written_in_python(self):
        generator = np.random.default_rng(1)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            x = generator.integers(0, 256, (64, 6)).astype(np.float32)
            np.save(place / "x.npy", x)
            np.save(place / "y.npy", (x[:, 0] > 128).astype(np.int64))
            data = f"npy:{place}/x.npy,{place}/y.npy"
            recipe = qloom.Recipe(
                "tiny",
                description='says "yes"',
                data={"train": data, "test": data},
                input={"features": 6, "quantiser": {"bits": 8}},
                training={"epochs": np.int64(1), "batch_size": 16},
                quantisation={"weights": {"bits": 3, "narrow": True}, "activations": {"bits": 4}},
                layers=[
                    {"type": "linear", "name": "fc1", "outputs": 5},
                    {"type": "relu", "name": "act"},
                    {"type": "linear", "name": "head", "outputs": 2},
                ],
            )
            import tomllib

            text = tomllib.loads(recipe.text())
            self.assertEqual((text["description"], text["training"]["epochs"]), ('says "yes"', 1))
            self.assertEqual(text["quantisation"]["weights"], {"bits": 3, "narrow": True})
            trained = qloom.train(recipe, place / "run", progress=False)
            weights = qloom.load(trained.model).lower()["fc1"].weights
            self.assertEqual(weights.shape, (5, 6))
            self.assertLessEqual(np.abs(weights).max(), 3)
            recipe.layers[0]["outptus"] = 7
            with self.assertRaises(qloom.Error) as caught:
                qloom.train(recipe, place / "other", progress=False)
            self.assertIn("outptus", str(caught.exception))
            self.assertIn("outputs", str(caught.exception))


class Errors(unittest.TestCase):
    def test_carry_the_diagnostic(self):
        with self.assertRaises(qloom.Error) as caught:
            qloom.load("/nowhere/model.onnx")
        error = caught.exception
        self.assertEqual((error.code, error.name, error.where), ("Q0100", "kModelUnreadable", "/nowhere/model.onnx"))
        self.assertEqual(str(error), f"{error.code}: {error.where}: {error.what}; {error.advice}")
        self.assertIn("Repair", qloom.explain(error.code))

    def test_unknown_options_and_folders(self):
        with self.assertRaises(qloom.Error) as caught:
            qloom.verb("compile", "model.onnx", bord="pynq-z1")
        self.assertIn("did you mean --board?", str(caught.exception))
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(qloom.Error) as caught:
            qloom.open(folder)
        self.assertEqual(caught.exception.code, "Q0600")

    def test_what_is_listed(self):
        names = [board.name for board in qloom.boards()]
        self.assertEqual(names, sorted(names))
        self.assertIn("pynq-z1", names)
        self.assertIn("qloom compile", qloom.manual("compile"))
        self.assertTrue(set(qloom.__all__) <= set(dir(qloom)))


if __name__ == "__main__":
    unittest.main()
