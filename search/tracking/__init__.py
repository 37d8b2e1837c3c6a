"""MLflow as a follower of the journal. The only folder that knows MLflow."""

__all__ = ["follower", "runs", "store", "writer"]
