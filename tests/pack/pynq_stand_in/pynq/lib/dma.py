"""The DMA driver's interface: sendchannel and recvchannel with transfer(), wait(), idle, running, error, transferred."""

from pynq import MMIO


class _Channel:
    def __init__(self, mmio, offset, is_send, max_bytes, width_bytes):
        self._mmio = mmio
        self._offset = offset
        self._is_send = is_send
        self._max_bytes = max_bytes
        self._width_bytes = width_bytes
        self._first = True
        self._active = None
        self.start()

    def _read(self, register):
        return self._mmio.read(self._offset + register)

    def _write(self, register, value):
        self._mmio.write(self._offset + register, value)

    def start(self):
        self._write(0x00, 1)
        while not self.running:
            pass

    @property
    def running(self):
        return not self._read(0x04) & 1

    @property
    def idle(self):
        return bool(self._read(0x04) & 2)

    @property
    def error(self):
        return bool(self._read(0x04) & 0x70)

    @property
    def transferred(self):
        return self._read(0x28)

    def transfer(self, array, start=0, nbytes=0):
        nbytes = nbytes or array.nbytes - start
        if nbytes > self._max_bytes:
            raise ValueError("the transfer is %d bytes, the DMA carries %d" % (nbytes, self._max_bytes))
        if (array.device_address + start) % self._width_bytes:
            raise RuntimeError("the buffer is not aligned to %d bytes" % self._width_bytes)
        if not self.running:
            raise RuntimeError("the DMA channel is not started")
        if not self._first and not self.idle:
            raise RuntimeError("the DMA channel is not idle")
        if self._is_send:
            array.flush()
        self._write(0x18, (array.device_address + start) & 0xFFFFFFFF)
        self._write(0x1C, (array.device_address + start) >> 32)
        self._write(0x28, nbytes)
        self._first = False
        self._active = array

    def wait(self):
        if self._active is None:
            raise RuntimeError("the DMA channel has no transfer")
        for _ in range(100000):
            if self.error:
                raise RuntimeError("DMA status 0x%x" % self._read(0x04))
            if self.idle:
                break
            self._mmio.run(16)
        else:
            raise RuntimeError("the DMA does not become idle")
        if not self._is_send:
            self._active.invalidate()
        self._active = None


class DMA:
    def __init__(self, description):
        parameters = description["parameters"]
        max_bytes = (1 << int(parameters["c_sg_length_width"])) - 1
        mmio = MMIO()
        self.sendchannel = _Channel(mmio, 0x00, True, max_bytes, int(parameters["c_m_axi_mm2s_data_width"]) // 8)
        self.recvchannel = _Channel(mmio, 0x30, False, max_bytes, int(parameters["c_m_axi_s2mm_data_width"]) // 8)
