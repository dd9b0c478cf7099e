"""Golden rehearsals: each script's transcript is reviewed as text, as code is.

`python -m tests.rehearsals` (`make rehearsals`) writes the transcripts anew.
"""

from pathlib import Path

from setpoint.testing.rehearsal import script
from setpoint.testing.rehearsal.play import rehearse
from setpoint.testing.rehearsal.telling import Transcript

HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.glob("*.txt"))


def played(path: Path, seed: int | None = None) -> str:
    """The transcript, with the exit code as its last line."""
    told: list[str] = []
    transcript = Transcript(told.append)
    code = rehearse(script.read(path.read_text(encoding="utf-8"), path.name), transcript, seed)
    transcript.end()
    return "\n".join((*told, "", f"ends {code}", ""))
