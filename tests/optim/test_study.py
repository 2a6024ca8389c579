from nonet.optim.study import study


def test_every_claim_of_the_article_is_made_again():
    report = study()
    assert [claim.holds for claim in report.claims] == [True] * 4
    evaluations = [row[1] for row in report.tables[0].rows]
    assert evaluations[2] < min(evaluations[:2])
