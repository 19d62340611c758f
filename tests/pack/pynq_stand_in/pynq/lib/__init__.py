from . import dma
