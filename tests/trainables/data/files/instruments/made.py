"""Files as instruments write them, made from an axis and intensities by what is known of each format."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence

import numpy as np

AXIS = np.linspace(400, 480, 17)
INTENSITIES = np.array([3, 4, 6, 9, 15, 30, 62, 30, 15, 9, 6, 4, 3, 3, 2, 2, 1], np.float64)
ANGLES = np.linspace(20, 28, 17)


def jcamp(
    table: str = "", *, axis: np.ndarray = AXIS, intensities: np.ndarray = INTENSITIES, records: str = ""
) -> bytes:
    """A block of JCAMP-DX with ordinates as they are, six a line, or with a ``table`` of another form."""
    lines = [
        " ".join([f"{axis[place]:g}", *(f"{value:g}" for value in intensities[place : place + 6])])
        for place in range(0, len(axis), 6)
    ]
    return (
        f"##TITLE=a sample $$ of ours\r\n##JCAMP-DX=4.24\r\n##DATA TYPE=INFRARED SPECTRUM\r\n##XUNITS=1/CM\r\n"
        f"##YUNITS=ABSORBANCE\r\n##XFACTOR=1\r\n##YFACTOR=0.5\r\n##FIRSTX={axis[0]}\r\n##LASTX={axis[-1]}\r\n"
        f"##NPOINTS={len(axis)}\r\n{records}##XYDATA=(X++(Y..Y))\r\n{table or chr(10).join(lines)}\r\n##END=\r\n"
    ).encode()


def compound(*blocks: bytes) -> bytes:
    """A compound file of JCAMP-DX."""
    head = f"##TITLE=all\r\n##JCAMP-DX=5.01\r\n##DATA TYPE=LINK\r\n##BLOCKS={len(blocks)}\r\n"
    return head.encode() + b"".join(blocks) + b"##END=\r\n"


def ntuples(symbols: str = "R,I") -> bytes:
    """An NMR spectrum of JCAMP-DX 5 with a page of real and one of imaginary parts."""
    pages = "".join(
        f"##PAGE=N={number}\n##DATA TABLE=(X++({symbol}..{symbol})), XYDATA\n8 1 2 3 4\n4 5 6 7 {number}\n"
        for number, symbol in enumerate(symbols.split(","), start=1)
    )
    return (
        "##TITLE=ours\n##JCAMP-DX=5.0\n##DATA TYPE=NMR SPECTRUM\n##NTUPLES=NMR SPECTRUM\n"
        f"##SYMBOL=X,{symbols},N\n##UNITS=HZ,ARBITRARY UNITS,ARBITRARY UNITS,\n##FIRST=16,1,1,1\n##LAST=2,1,2,2\n"
        f"##FACTOR=2,10,100,1\n##VAR_DIM=8,8,8,2\n{pages}##END NTUPLES=NMR SPECTRUM\n##END=\n"
    ).encode()


def spc(
    rows: Sequence[np.ndarray] = (INTENSITIES,),
    *,
    axis: np.ndarray = AXIS,
    flags: int = 0,
    exponent: int = -128,
    order: str = "<",
    x: int = 13,
    y: int = 4,
    labels: bytes = b"",
) -> bytes:
    """An .spc file of the new format with a subfile for each row."""
    version = 0x4B if order == "<" else 0x4C
    head = struct.pack(f"{order}3BbIddI2B", flags, version, 0, exponent, len(axis), axis[0], axis[-1], len(rows), x, y)
    parts = [head.ljust(88, b"\0") + b"ours".ljust(130, b"\0") + labels.ljust(30, b"\0")]
    parts[0] = parts[0].ljust(512, b"\0")
    if flags & 128 and not flags & 64:
        parts.append(axis.astype(f"{order}f4").tobytes())
    bits = 16 if flags & 1 else 32
    kind = "f4" if exponent == -128 else f"i{bits // 8}"
    for number, row in enumerate(rows):
        parts.append(struct.pack(f"{order}BbHfffI", 0, exponent, number, 0, 0, 0, len(row)).ljust(32, b"\0"))
        if flags & 64:
            parts.append(axis[: len(row)].astype(f"{order}f4").tobytes())
        scaled = row if exponent == -128 else row * 2.0 ** (bits - exponent)
        parts.append(scaled.astype(order + kind).tobytes())
    return b"".join(parts)


def old_spc(rows: Sequence[np.ndarray] = (INTENSITIES,), *, exponent: int = 8) -> bytes:
    """An .spc file of the format of 1986, whose words are swapped."""
    head = struct.pack("<2Bhfff2B", 0, 0x4D, exponent, len(AXIS), AXIS[0], AXIS[-1], 1, 2).ljust(224, b"\0")
    parts = [head]
    for row in rows:
        whole = (row * 2.0 ** (32 - exponent)).astype(np.int64).astype(np.uint32)
        words = np.stack([whole >> 16, whole & 0xFFFF], axis=1).astype("<u2")
        parts += [b"\0" * 32, words.tobytes()]
    return b"".join(parts)


def spa(*, points: int = len(AXIS), x: int = 1, y: int = 17) -> bytes:
    """An .spa file."""
    head = b"Spectral Data File\r\n".ljust(30, b"\0") + b"ours".ljust(256, b"\0")
    head = head.ljust(288, b"\0") + struct.pack("<4h", 1, 521, 1, 2)
    head = head.ljust(304, b"\0") + struct.pack("<hii", 2, 400, 28).ljust(16, b"\0")
    head = (head + struct.pack("<hii", 3, 500, 4 * len(AXIS))).ljust(400, b"\0")
    head += struct.pack("<4i3f", 0, points, x, y, AXIS[0], AXIS[-1], 0)
    return head.ljust(500, b"\0") + INTENSITIES.astype("<f4").tobytes()


def wdf(rows: Sequence[np.ndarray] = (INTENSITIES,), *, planned: int | None = None, unit: int = 1) -> bytes:
    """A .wdf file of a map that may have been planned to have more spectra."""

    def block(name: bytes, content: bytes) -> bytes:
        return struct.pack("<4sIQ", name, 0, 16 + len(content)) + content

    head = struct.pack("<4sIQ", b"WDF1", 1, 512).ljust(60, b"\0")
    head += struct.pack("<IQQ", len(AXIS), planned or len(rows), len(rows))
    head = head.ljust(152, b"\0") + struct.pack("<I", 6)
    head = (head.ljust(240, b"\0") + b"ours").ljust(512, b"\0")
    spectra = np.zeros((planned or len(rows), len(AXIS)), "<f4")
    spectra[: len(rows)] = rows
    axis = struct.pack("<2I", 1, unit) + AXIS[::-1].astype("<f4").tobytes()
    return head + block(b"DATA", spectra.tobytes()) + block(b"XLST", axis)


def opus(*, kinds: Sequence[tuple[int, int]] = ((4, 3), (1, 1), (2, 1)), series: int = 0, scale: float = 1) -> bytes:
    """A file of OPUS with blocks (what was measured, 1 sample 2 reference 3 ratio); the first may be a series."""
    values = struct.pack("<3sxHHd", b"FXV", 1, 4, AXIS[0]) + struct.pack("<3sxHHd", b"LXV", 1, 4, AXIS[-1])
    values += struct.pack("<3sxHHi", b"NPT", 0, 2, len(AXIS)) + struct.pack("<3sxHHd", b"CSF", 1, 4, scale)
    values += struct.pack("<3sxHH4s", b"DXU", 3, 2, b"WN\0\0") + struct.pack("<3sxHH", b"END", 0, 0)
    entries, blocks, at = [], [], 24 + 12 * 2 * len(kinds)
    for place, (kind, source) in enumerate(kinds):
        extra = 2 if series and place == 0 else 0
        data = ((place + 1) * INTENSITIES).astype("<f4").tobytes()
        if extra:
            rows = b"".join((number * INTENSITIES).astype("<f4").tobytes() + b"gap!" for number in range(1, series + 1))
            data = struct.pack("<6i", 0, series, 24, 4 * len(AXIS), 4, 0) + rows
        for parameters, content in ((0, data), (1, values)):
            code = 3 | source << 2 | parameters << 4 | kind << 10 | extra << 19
            entries.append(struct.pack("<Iii", code, len(content) // 4, at))
            blocks.append(content)
            at += len(content)
    head = b"\n\n\xfe\xfe" + struct.pack("<diii", 920622.0, 24, 40, len(entries))
    return head + b"".join(entries) + b"".join(blocks)


def asd(*, what: int = 0, kind: int = 0) -> bytes:
    """An .asd file with a white reference of 128 at each point but the last, where it is 0."""
    number = ("<f4", "<i4", "<f8")[kind]
    head = b"as7".ljust(186, b"\0") + struct.pack("<B", what)
    head = head.ljust(191, b"\0") + struct.pack("<2fB", AXIS[0], AXIS[1] - AXIS[0], kind)
    head = (head.ljust(204, b"\0") + struct.pack("<H", len(AXIS))).ljust(484, b"\0")
    white = np.full(len(AXIS), 128.0)
    white[-1] = 0
    described = b"\0" * 18 + struct.pack("<H", 3) + b"abc"
    return head + INTENSITIES.astype(number).tobytes() + described + white.astype(number).tobytes()


def raw2() -> bytes:
    """A .raw file of DIFFRAC, version 2."""
    head = struct.pack("<4sH", b"RAW2", 1).ljust(256, b"\0")
    about = struct.pack("<2H4s3f", 50, len(ANGLES), b"", 1, ANGLES[1] - ANGLES[0], ANGLES[0]).ljust(50, b"\0")
    return head + about + INTENSITIES.astype("<f4").tobytes()


def raw3(ranges: int = 1, *, scan: int = 0, measured: bool = False) -> bytes:
    """A .raw file of DIFFRAC, version 3, whose records may hold 2 theta, too."""
    parts = [(struct.pack("<7s5xI", b"RAW1.01", ranges).ljust(326, b"\0") + b"ours").ljust(712, b"\0")]
    for _ in range(ranges):
        about = struct.pack("<2Idd", 304, len(ANGLES), ANGLES[0] / 2, ANGLES[0]).ljust(176, b"\0")
        about = (about + struct.pack("<d", ANGLES[1] - ANGLES[0])).ljust(196, b"\0") + struct.pack("<I", scan)
        about = about.ljust(248, b"\0") + struct.pack("<3I", int(measured), 12 if measured else 4, 8)
        records = zip(INTENSITIES, ANGLES + 0.001, strict=True)
        data = [struct.pack("<fd" if measured else "<f", *(record if measured else record[:1])) for record in records]
        parts += [about.ljust(304, b"\0"), b"\0" * 8, *data]
    return b"".join(parts)


def raw4(ranges: int = 1, *, scan: bytes = b"Locked Coupled", size: int = 8) -> bytes:
    """A .raw file of DIFFRAC, version 4, with records of ``size`` bytes."""
    parts = [b"RAW4.00".ljust(61, b"\0")]
    parts.append(struct.pack("<3I24s4s", 10, 40, 0, b"SAMPLEID", b"ours"))
    for _ in range(ranges):
        about = struct.pack("<2I", 0, 160).ljust(32, b"\0") + scan.ljust(24, b"\0")
        about = about.ljust(72, b"\0") + struct.pack("<2dI", ANGLES[0], ANGLES[1] - ANGLES[0], len(ANGLES))
        about = (about.ljust(136, b"\0") + struct.pack("<2I", size, 64)).ljust(160, b"\0")
        drive = struct.pack("<3I24s20xd", 50, 64, 1, b"2Theta", ANGLES[0])
        parts += [about, drive, *(struct.pack("<f", value).ljust(size, b"\1") for value in INTENSITIES)]
    return b"".join(parts)


def uxd(mark: str = "_COUNTS", ranges: int = 1) -> bytes:
    """A .uxd file."""
    values = [f"{value:g}" for value in INTENSITIES]
    if mark.startswith("_2THETA"):
        values = [f"{angle:g} {value}\n" for angle, value in zip(ANGLES, values, strict=True)]
    head = f"; made\n_FILEVERSION=2\n_SAMPLE='ours'\n_STEPSIZE={ANGLES[1] - ANGLES[0]:g}\n"
    block = f"; (Data for Range)\n_DRIVE='COUPLED'\n_START={ANGLES[0]:g}\n{mark}\n {'  '.join(values)}\n"
    return (head + block * ranges).encode()


def ras(*, unit: str = "counts", axis: str = "2Theta-Theta", attenuators: Sequence[float] = (1,)) -> bytes:
    """A .ras file."""
    rows = [
        f"{angle:.4f} {value:.4f} {attenuators[place % len(attenuators)]:.4f}"
        for place, (angle, value) in enumerate(zip(ANGLES, INTENSITIES, strict=True))
    ]
    head = f'*RAS_DATA_START\n*RAS_HEADER_START\n*FILE_SAMPLE "ours"\n*MEAS_SCAN_AXIS_X "{axis}"\n'
    head += f'*MEAS_SCAN_UNIT_Y "{unit}"\n*RAS_HEADER_END\n'
    return (head + "*RAS_INT_START\n" + "\n".join(rows) + "\n*RAS_INT_END\n*RAS_DATA_END\n").encode()


def xrdml(scans: int = 1, *, factors: str = "", axis: str = "2Theta", listed: bool = False, used: str = "") -> bytes:
    """An .xrdml file with counts and perhaps factors of attenuation, or with intensities; ``used`` is a wavelength."""
    ends = f"<startPosition>{ANGLES[0]}</startPosition><endPosition>{ANGLES[-1]}</endPosition>"
    places = f"<listPositions>{' '.join(map(str, ANGLES))}</listPositions>" if listed else ends
    name = "counts" if factors else "intensities"
    values = " ".join(f"{value:g}" for value in INTENSITIES)
    attenuation = f"<beamAttenuationFactors>{factors}</beamAttenuationFactors>" if factors else ""
    scan = (
        f'<scan><dataPoints><positions axis="{axis}" unit="deg">{places}</positions><positions axis="Phi">'
        f"<commonPosition>0</commonPosition></positions>{attenuation}"
        f'<{name} unit="counts">{values}</{name}></dataPoints></scan>'
    )
    return (
        '<?xml version="1.0"?><xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5"><sample><name>ours'
        f"</name></sample><xrdMeasurement>{used}{scan * scans}</xrdMeasurement></xrdMeasurements>"
    ).encode()


def brml(scans: int = 1, *, axis: str = "TwoTheta", width: int = 1) -> bytes:
    """A .brml file whose Datum is time, 2 theta, theta, and counts of ``width`` channels."""
    rows = "".join(
        f"<Datum>0.5,{angle},{angle / 2}{f',{value:g}' * width}</Datum>"
        for angle, value in zip(ANGLES, INTENSITIES, strict=True)
    )
    views = (
        '<RawDataView xsi:type="FixedRawDataView" Start="0" Length="1" LogicName="MeasuredTime"/>'
        f'<RawDataView xsi:type="VaryingRawDataView" Start="1" Length="2"><Varying><FieldDefinitions AxisId="{axis}"/>'
        '<FieldDefinitions AxisId="Theta"/></Varying></RawDataView><RawDataView xsi:type="RecordedRawDataView" '
        f'Start="3" Length="{width}"><Recording><Unit Base="Counts"/></Recording></RawDataView>'
    )
    route = f'<DataRoute RouteFlag="Measured"><ScanInformation/>{rows}<DataViews>{views}</DataViews></DataRoute>'
    document = (
        '<?xml version="1.0"?><RawData xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><DataRoutes>'
        f"{route}</DataRoutes></RawData>"
    )
    members = {f"Experiment0/RawData{number}.xml": document for number in range(scans)}
    names = "".join(f"<string>{name}</string>" for name in members)
    listed = f"<DataContainer><RawDataReferenceList>{names}</RawDataReferenceList></DataContainer>"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"Experiment0/DataContainer.xml": listed, **members}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


WHOLE = {
    "a.jdx": jcamp,
    "a.dx": ntuples,
    "a.spc": spc,
    "b.spc": old_spc,
    "a.spa": spa,
    "a.wdf": wdf,
    "a.0": opus,
    "a.asd": asd,
    "a.raw": raw4,
    "b.raw": raw3,
    "c.raw": raw2,
    "a.uxd": uxd,
    "a.ras": ras,
    "a.xrdml": xrdml,
    "a.brml": brml,
}  # a sound file of each format
