"""Runs the packaged driver.py, unchanged, on the stand-in: pynq_driver_check.py PACKAGE CHECKS.npz-folder"""

import json
import os
import sys
import unittest

import numpy as np

package, checks = sys.argv[1:3]
folder = os.path.join(package, "pynq")
sys.path.insert(0, folder)

import pynq  # noqa: E402  the stand-in
from driver import Accelerator  # noqa: E402

x = np.load(os.path.join(checks, "x.npy"))
y = np.load(os.path.join(checks, "y.npy"))
samples = np.load(os.path.join(folder, "samples.npy"))
expected = np.load(os.path.join(folder, "expected.npy"))


class Driver(unittest.TestCase):
    def setUp(self):
        self.accelerator = Accelerator(os.path.join(folder, "qloom.bit"), batch_size=8)

    def tearDown(self):
        self.accelerator.free()

    def test_the_model(self):
        found = self.accelerator.execute(x.reshape((len(x),) + self.accelerator.input_shape))
        np.testing.assert_array_equal(found.reshape(len(x), -1), y)
        self.assertEqual(found.shape[1:], self.accelerator.output_shape)

    def test_integers(self):
        found = self.accelerator.execute_integers(samples)
        np.testing.assert_array_equal(found, expected)
        self.assertEqual(self.accelerator.execute_integers(samples[:0]).shape, expected[:0].shape)

    def test_every_batch_size(self):
        for batch_size in (1, 3, len(samples), len(samples) + 7):
            self.accelerator.batch_size = batch_size
            np.testing.assert_array_equal(self.accelerator.execute_integers(samples), expected)
            self.assertEqual(len(pynq.live), 2, "the old buffers are given back")

    def test_on_buffers(self):
        port = self.accelerator.input_port
        self.accelerator.input_buffer[:5] = port.pack(samples[:5])
        self.accelerator.execute_on_buffers(5)
        rows = np.array(self.accelerator.output_buffer)
        np.testing.assert_array_equal(self.accelerator.output_port.unpack(rows[:5]), expected[:5])
        self.assertTrue(np.isin(rows[5:], (0xA5, 0xCD)).all(), "nothing is written behind the results")

    def test_labels(self):
        found = self.accelerator.labels(self.accelerator.execute(x))
        want = y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)
        np.testing.assert_array_equal(found, want)

    def test_throughput(self):
        result = self.accelerator.throughput_test(repeats=3)
        self.assertEqual(result["frames"], 24)
        self.assertGreater(result["frames_per_second"], 0)

    def test_refusals(self):
        elements = self.accelerator.input_port.elements
        with self.assertRaisesRegex(ValueError, "frames must have shape"):
            self.accelerator.execute(np.zeros((2, elements + 1)))
        with self.assertRaisesRegex(ValueError, r"integers must be \(frames, "):
            self.accelerator.execute_integers(np.zeros((2, elements + 1), np.int64))
        with self.assertRaisesRegex(ValueError, "batch_size must be from 1 to "):
            self.accelerator.batch_size = 0
        with self.assertRaisesRegex(ValueError, "frames must be from 1 to 8, not 9"):
            self.accelerator.execute_on_buffers(9)
        if self.accelerator.facts["input"]["quantiser"] is None:
            with self.assertRaisesRegex(ValueError, "integers from 0 to 300; the model takes 0 to 255"):
                self.accelerator.execute(np.array([[0] * (elements - 1) + [300]]))
            with self.assertRaisesRegex(ValueError, "between the integers"):
                self.accelerator.execute(np.full((1, elements), 0.5))

    def test_operators_on_the_host_are_named(self):
        self.accelerator.facts["input"]["host_before"] = ["Resize (r)"]
        with self.assertRaisesRegex(NotImplementedError, r"the model computes Resize \(r\) before the hardware"):
            self.accelerator.execute(x)

    def test_another_bitstream_is_noticed(self):
        with open(os.path.join(folder, "model.json")) as stream:
            facts = json.load(stream)
        facts["output"]["beats"] *= 2  # a model of twice as many values
        facts["output"]["elements"] *= 2
        other = os.path.join(checks, "other.json")
        with open(other, "w") as stream:
            json.dump(facts, stream)
        self.accelerator.free()
        self.accelerator = Accelerator(os.path.join(folder, "qloom.bit"), batch_size=4, model=other)
        with self.assertRaisesRegex(RuntimeError, "bytes came back in place of"):
            self.accelerator.execute_on_buffers(4)

    def test_memory_beyond_the_dma(self):
        self.accelerator.facts["dma"]["address_end"] = 0x10000000
        with self.assertRaisesRegex(MemoryError, "beyond what the DMA reaches"):
            self.accelerator.batch_size = 4


class Notebook(unittest.TestCase):
    def test_its_cells_run(self):
        with open(os.path.join(folder, "qloom.ipynb")) as stream:
            cells = json.load(stream)["cells"]
        here = os.getcwd()
        os.chdir(folder)
        try:
            names = {}
            for cell in cells:
                if cell["cell_type"] == "code":
                    exec("".join(cell["source"]), names)
        finally:
            os.chdir(here)
        self.assertTrue((names["found"] == names["expected"]).all())
        names["accelerator"].free()


unittest.main(argv=sys.argv[:1])
